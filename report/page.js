"use strict";
for (const button of document.querySelectorAll("button[data-copy]")) {
  const text = button.dataset.copy;
  const select = () => {
    const range = document.createRange();
    range.selectNodeContents(button.previousElementSibling);
    getSelection().removeAllRanges();
    getSelection().addRange(range);
  };
  const say = (word) => {
    button.textContent = word;
    setTimeout(() => { button.textContent = "copy"; }, 1500);
  };
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text);
      say("copied");
    } catch {
      // A page that may not write to the clipboard: the text is selected, and the old way is tried.
      select();
      say(document.execCommand("copy") ? "copied" : "selected");
    }
  });
}

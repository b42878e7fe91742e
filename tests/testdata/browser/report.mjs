// Look at a report's page in Chromium as people do, on white, on black and on a phone, and say what is wrong with it.
//
//   node report.mjs PAGE EVALUATION.json PICTURES
//
// PICTURES gets a screenshot of each view. The page must ask for nothing, complain of nothing, show every figure of
// evaluation.json with all its digits, fit the screen, follow the colour scheme, and copy what it offers to copy.
// Exit status 1 with one line for each thing that is wrong.
import { readFile } from "node:fs/promises";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const [page, evaluationFile, pictures] = process.argv.slice(2);
const address = pathToFileURL(path.resolve(page)).href;
const evaluation = JSON.parse(await readFile(evaluationFile, "utf8"));
const problems = [];

const views = [
  { name: "light", colorScheme: "light", viewport: { width: 1180, height: 1500 } },
  { name: "dark", colorScheme: "dark", viewport: { width: 1180, height: 1500 } },
  { name: "phone", colorScheme: "light", viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true },
];

/** Everything that evaluation.json measured, as the page has to show it: [where, what, value]. */
function figures() {
  const wanted = Object.entries(evaluation.metrics).map(([name, value]) => ["#metrics", name, value]);
  for (const [slice, of] of Object.entries(evaluation.slices)) {
    for (const [name, value] of Object.entries(of.metrics)) wanted.push([`tr[data-slice="${CSS(slice)}"]`, name, value]);
  }
  return wanted;
}

/** A text inside a quoted CSS string. */
function CSS(text) {
  return text.replace(/["\\]/g, "\\$&").replace(/[\u0000-\u001f]/g, (letter) => `\\${letter.codePointAt(0).toString(16)} `);
}

/** How bright a CSS colour is, 0 to 255. */
function brightness(colour) {
  const [red, green, blue] = colour.match(/[\d.]+/g).map(Number);
  return (299 * red + 587 * green + 114 * blue) / 1000;
}

async function look(browser, view) {
  const say = (problem) => problems.push(`${view.name}: ${problem}`);
  const { name, ...options } = view;
  const context = await browser.newContext({ ...options, permissions: ["clipboard-read", "clipboard-write"] });
  const tab = await context.newPage();
  tab.on("console", (message) => { if (["error", "warning"].includes(message.type())) say(`console ${message.type()}: ${message.text()}`); });
  tab.on("pageerror", (error) => say(`script error: ${error.message}`));
  tab.on("dialog", (dialog) => { say(`a dialog opened: ${dialog.message()}`); dialog.dismiss(); });
  tab.on("request", (request) => { if (request.url() !== address && !request.url().startsWith("data:")) say(`asked for ${request.url()}`); });
  await tab.goto(address, { waitUntil: "load" });

  for (const [where, metric, value] of figures()) {
    const cell = tab.locator(`${where} [data-metric="${CSS(metric)}"]`);
    if (await cell.count() !== 1) {
      say(`${where} shows ${metric} ${await cell.count()} times`);
    } else if (value === null) {
      const text = (await cell.textContent()).trim();
      if (text !== "not finite") say(`${where} shows ${metric} as ${text}, which is not finite`);
    } else {
      const shown = Number(await cell.locator("data").getAttribute("value"));
      if (shown !== value) say(`${where} shows ${metric} as ${shown}, evaluation.json says ${value}`);
      const read = Number((await cell.textContent()).trim());
      if (Math.abs(read - value) > 1e-5 * Math.max(1e-3, Math.abs(value))) say(`${where} reads ${metric} as ${read}, evaluation.json says ${value}`);
    }
  }
  const rules = await tab.locator("#gate tbody tr").count();
  if (rules !== (evaluation.gate?.verdicts ?? []).length) say(`${rules} verdicts of the gate, evaluation.json has ${evaluation.gate?.verdicts?.length}`);
  const counts = (await tab.locator("#counts td").allTextContents()).map(Number);
  if (evaluation.confusion && String(counts) !== String(evaluation.confusion.flat())) say(`the confusion matrix is ${counts}`);

  for (const image of await tab.locator("img").all()) {
    const [width, source, alt] = await image.evaluate(async (of) => {
      await of.decode().catch(() => {}); // one that cannot be decoded has no width
      return [of.naturalWidth, of.currentSrc, of.alt];
    });
    if (!width) say(`a picture is broken: ${alt}`);
    if (!alt) say("a picture has no text");
    if (!source.startsWith("data:")) {
      say(`a picture lies outside the page: ${source}`);
      continue;
    }
    const svg = Buffer.from(source.slice(source.indexOf(",") + 1), "base64").toString();
    if (svg.includes("#e8ebf1") !== (view.colorScheme === "dark")) say(`a picture has the colours of another scheme: ${alt}`);
  }
  const [ground, ink, wide, screen] = await tab.evaluate(() => {
    const style = getComputedStyle(document.body);
    return [style.backgroundColor, style.color, document.documentElement.scrollWidth, innerWidth];
  });
  if ((brightness(ground) < 128) !== (view.colorScheme === "dark")) say(`the page is ${ground} in the scheme ${view.colorScheme}`);
  if (Math.abs(brightness(ground) - brightness(ink)) < 125) say(`${ink} on ${ground} cannot be read`);
  if (wide > screen) say(`the page is ${wide} wide on a screen of ${screen}`);

  const buttons = tab.locator("button[data-copy]");
  for (const button of (await buttons.all()).slice(0, 3)) {
    const offered = await button.getAttribute("data-copy");
    await button.click();
    await tab.waitForFunction((of) => of.textContent !== "copy", await button.elementHandle());
    const copied = await tab.evaluate(() => navigator.clipboard.readText());
    if (copied !== offered) say(`the button copies ${JSON.stringify(copied)} for ${JSON.stringify(offered)}`);
  }
  await tab.evaluate(() => { getSelection().removeAllRanges(); scrollTo(0, 0); document.activeElement.blur(); });
  await tab.screenshot({ path: path.join(pictures, `report-${name}.png`) });
  await context.close();
}

const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] }); // a container is the sandbox
for (const view of views) await look(browser, view);
const version = browser.version();
await browser.close();
for (const problem of problems) console.error(`error: ${problem}`);
console.log(`Chromium ${version}: ${views.length} views, ${figures().length} figures, ${problems.length} problems`);
process.exit(problems.length ? 1 : 0);

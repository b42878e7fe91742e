package report

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
)

var (
	//go:embed page.html
	layout string
	//go:embed page.css
	style string
	//go:embed page.js
	script string
)

// page escapes everything that it is given by the place where it puts it.
var page = template.Must(template.New("page.html").Funcs(template.FuncMap{
	"figure": figure, "exact": exact, "percent": percent, "size": size, "seconds": seconds,
	"verdict": verdict, "subject": subject, "reason": reason, "shade": shade,
	"image":  func(svg string) template.URL { return template.URL(image(svg)) },
	"images": func(svg string) template.Srcset { return template.Srcset(image(svg)) },
}).Parse(layout))

// HTML is the report as one page: it asks for nothing outside itself, and a browser is told to refuse that it does.
func (r Report) HTML() ([]byte, error) {
	// The module's own style and script, by their digests; everything else is refused.
	policy := fmt.Sprintf("default-src 'none'; img-src data:; style-src %s; script-src %s; base-uri 'none'; form-action 'none'",
		allowed(style), allowed(script))
	var out bytes.Buffer
	err := page.Execute(&out, struct {
		Report
		Policy string
		Style  template.CSS
		Script template.JS
	}{r, policy, template.CSS(style), template.JS(script)})
	if err != nil {
		return nil, fmt.Errorf("the report's page: %w", err)
	}
	return out.Bytes(), nil
}

// allowed is a source of a content security policy: exactly this text.
func allowed(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// image is a picture inside an address. In an image, a browser runs no script and fetches nothing, whatever the SVG holds.
func image(svg string) string {
	return "data:image/svg+xml;base64," + base64.StdEncoding.EncodeToString([]byte(svg))
}

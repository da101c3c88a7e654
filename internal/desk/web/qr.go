package web

import (
	"fmt"
	"html/template"
	"strings"

	"rsc.io/qr"
)

// quiet is the white border of a QR code, in modules.
const quiet = 4

// drawn is a QR code as an SVG drawing: black on white in every colour scheme,
// since cameras want it so.
func drawn(code *qr.Code) template.HTML {
	size := code.Size
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="ed-qr" viewBox="0 0 %[1]d %[1]d" aria-hidden="true" focusable="false">`, size+2*quiet)
	fmt.Fprintf(&b, `<rect width="%[1]d" height="%[1]d" fill="#fff"/><path fill="#000" d="`, size+2*quiet)
	for y := range size {
		for x := range size {
			if code.Black(x, y) {
				fmt.Fprintf(&b, "M%d %dh1v1h-1z", x+quiet, y+quiet)
			}
		}
	}
	b.WriteString(`"/></svg>`)
	return template.HTML(b.String()) //nolint:gosec // numbers only
}

package chatpage

import (
	"fmt"
	"strings"

	"rsc.io/qr"
)

// quiet is the width of the empty edge that readers need.
const quiet = 4

// qrSVG draws a QR code of medium redundancy, black on white in every colour scheme, with one path of rectangles.
func qrSVG(text string) ([]byte, error) {
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		return nil, fmt.Errorf("encoding an address as a QR code: %w", err)
	}
	side := code.Size + 2*quiet
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %[1]d %[1]d" shape-rendering="crispEdges"><path fill="#fff" d="M0 0h%[1]dv%[1]dh-%[1]dz"/><path d="`, side)
	for y := range code.Size {
		for x := 0; x < code.Size; x++ {
			from := x
			for x < code.Size && code.Black(x, y) {
				x++
			}
			if x > from {
				fmt.Fprintf(&b, "M%d %dh%dv1h-%dz", quiet+from, quiet+y, x-from, x-from)
			}
		}
	}
	b.WriteString(`"/></svg>` + "\n")
	return []byte(b.String()), nil
}

package enrolment_test

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/entraide/entraide/internal/enrolment"
)

// TestWords: every byte has its own word in either list, no word is in both, and
// none differs from another by less than two letters.
func TestWords(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	var lists [2][]string
	for b := range 256 {
		pair := strings.ToUpper(string("0123456789abcdef"[b/16]) + string("0123456789abcdef"[b%16]))
		words, err := enrolment.Words(pair + pair)
		if err != nil {
			t.Fatal(err)
		}
		for i, w := range words {
			if !regexp.MustCompile(`^[a-z]{3,13}$`).MatchString(w) {
				t.Errorf("%q is not a word", w)
			}
			if other, ok := seen[w]; ok {
				t.Errorf("%s stands for %s and %s", w, other, pair)
			}
			seen[w] = pair
			for _, other := range lists[i] {
				if similar(w, other) {
					t.Errorf("%s and %s are too much alike", w, other)
				}
			}
			lists[i] = append(lists[i], w)
		}
	}
	if got, _ := enrolment.Words("00FF01"); !slices.Equal(got, []string{lists[0][0], lists[1][255], lists[0][1]}) {
		t.Errorf("00FF01 is read as %v", got)
	}
	if _, err := enrolment.Words("0"); err == nil {
		t.Error("half a byte has a word")
	}
}

// similar reports whether one letter makes the difference.
func similar(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	i := 0
	for i < len(a) && a[i] == b[i] {
		i++
	}
	return len(b) == len(a) && a[i+1:] == b[i+1:] || len(b) == len(a)+1 && a[i:] == b[i+1:]
}

// TestQR: what we draw, somebody else's reader reads: as a picture, as a drawing
// and off the terminal.
func TestQR(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("zbarimg"); err != nil {
		if os.Getenv("ENTRAIDE_CHECK") != "" {
			t.Fatal(err)
		}
		t.Skip("zbarimg is not installed")
	}
	for _, fingerprint := range []string{strings.Repeat("0A1B2C3D4E", 4), strings.Repeat("F0E1D2C3B4A59687", 4)} {
		code, err := enrolment.NewQR(fingerprint)
		if err != nil {
			t.Fatal(err)
		}
		for name, picture := range map[string][]byte{"png": code.PNG(), "svg": drawn(t, code.SVG()), "text": typeset(t, code.Text())} {
			path := filepath.Join(t.TempDir(), name+".png")
			if err := os.WriteFile(path, picture, 0o600); err != nil {
				t.Fatal(err)
			}
			out, err := exec.CommandContext(t.Context(), "zbarimg", "-q", "--raw", path).Output()
			if got := strings.TrimSpace(string(out)); err != nil || got != enrolment.URI(fingerprint) {
				t.Errorf("%s: read as %q, %v; want %q", name, got, err, enrolment.URI(fingerprint))
			}
		}
	}
}

// drawn draws the squares of an SVG.
func drawn(t *testing.T, svg []byte) []byte {
	t.Helper()
	var side int
	for _, m := range regexp.MustCompile(`viewBox="0 0 (\d+) `).FindAllSubmatch(svg, 1) {
		side = number(m[1])
	}
	img := blank(side, side)
	for _, m := range regexp.MustCompile(`M(\d+) (\d+)h1v1h-1z`).FindAllSubmatch(svg, -1) {
		fill(img, number(m[1]), number(m[2]), color.Gray{})
	}
	return encoded(t, img)
}

// typeset draws the characters of a terminal.
func typeset(t *testing.T, text string) []byte {
	t.Helper()
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	img := blank(len([]rune(lines[0])), 2*len(lines))
	for y, line := range lines {
		for x, c := range []rune(line) {
			if c == ' ' || c == '▄' {
				fill(img, x, 2*y, color.Gray{})
			}
			if c == ' ' || c == '▀' {
				fill(img, x, 2*y+1, color.Gray{})
			}
		}
	}
	return encoded(t, img)
}

// module is the side of a module in pixels.
const module = 4

func blank(w, h int) *image.Gray {
	img := image.NewGray(image.Rect(0, 0, w*module, h*module))
	for i := range img.Pix {
		img.Pix[i] = 0xff
	}
	return img
}

func fill(img *image.Gray, x, y int, c color.Gray) {
	for dx := range module {
		for dy := range module {
			img.SetGray(x*module+dx, y*module+dy, c)
		}
	}
}

func encoded(t *testing.T, img image.Image) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := png.Encode(&out, img); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func number(digits []byte) (n int) {
	for _, c := range digits {
		n = 10*n + int(c-'0')
	}
	return n
}

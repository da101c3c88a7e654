package page

// Charts are drawn on the server, as SVG without scripts and without words in it:
// what they show is also a table, in which every figure leads to what is behind it.
// Colours, the dark scheme and print are in own.css.

// Columns are bars that stand side by side, such as days, each made of parts that
// stand on one another. The partial "columns" shows them.
type Columns struct {
	ID     string // of the element, and the beginning of others
	Title  string
	Label  string   // what a bar stands for, as the heading of the table
	Series []string // names of the parts, the lowest first; six at most
	Bars   []Column
}

// A Column is a bar.
type Column struct {
	Label string
	Parts []Amount // one for each name of the series
}

// An Amount is a number that leads to what it counts.
type Amount struct {
	Count   int64
	Address string // empty for nothing
}

// A Box is a part of a bar as it is drawn: of a thousand units, from the left and
// from the top.
type Box struct {
	Slot       int // which of the series, from 0
	X, Y, W, H int64
	Address    string
	Label      string
	Count      int64
}

// Sides of a drawing, in units.
const chartSide = 1000

// Most is the height of the highest bar.
func (c Columns) Most() (most int64) {
	for _, bar := range c.Bars {
		most = max(most, bar.Sum())
	}
	return most
}

// Sum is the height of a bar.
func (c Column) Sum() (sum int64) {
	for _, p := range c.Parts {
		sum += p.Count
	}
	return sum
}

// Sums are the totals of the series.
func (c Columns) Sums() []int64 {
	sums := make([]int64, len(c.Series))
	for _, bar := range c.Bars {
		for i := range min(len(sums), len(bar.Parts)) {
			sums[i] += bar.Parts[i].Count
		}
	}
	return sums
}

// First is the label under the beginning of the drawing.
func (c Columns) First() string { return c.end(0) }

// Last is the label under the end of the drawing.
func (c Columns) Last() string { return c.end(len(c.Bars) - 1) }

func (c Columns) end(i int) string {
	if i < 0 || i >= len(c.Bars) {
		return ""
	}
	return c.Bars[i].Label
}

// Boxes are the parts as they are drawn. What is there is seen: no part is lower
// than a few units.
func (c Columns) Boxes() []Box {
	const least, gap = 6, 8 // of a thousand; tenths of a bar
	most, n := c.Most(), int64(len(c.Bars))
	var boxes []Box
	for i, bar := range c.Bars {
		left, right := int64(i)*chartSide/n, int64(i+1)*chartSide/n
		top := int64(chartSide)
		for series, p := range bar.Parts {
			if p.Count <= 0 {
				continue
			}
			height := max(least, p.Count*chartSide/most)
			top = max(0, top-height)
			boxes = append(boxes, Box{
				Slot: series, X: left, Y: top, W: max(1, (right-left)*gap/10), H: height,
				Address: p.Address, Label: bar.Label, Count: p.Count,
			})
		}
	}
	return boxes
}

// Bars are lines that lie below one another, each with one value or more, such as
// a median and a ninetieth percentile. The partial "bars" shows them as a table.
type Bars struct {
	Title string
	Label string   // what a line stands for
	Names []string // of the values; three at most
	Rows  []Bar
}

// A Bar is a line: its values are drawn over one another, each from the beginning.
type Bar struct {
	Label   string
	Lang    string // of the label, if it is not that of the page
	Machine bool   // the label is a machine value
	Address string // what is behind the line
	Values  []Value
}

// A Value is drawn in proportion to Size and read as Text.
type Value struct {
	Size    int64 // below 0 for none
	Text    string
	Address string // empty for that of the line
}

// A Stroke is a value as it is drawn: of a thousand units.
type Stroke struct {
	Slot int // which of the values, from 0
	W    int64
}

// A DrawnBar is a line with what is drawn of it, the longest first.
type DrawnBar struct {
	Bar
	Strokes []Stroke
}

// Drawn are the lines with what is drawn of them.
func (b Bars) Drawn() []DrawnBar {
	var most int64 = 1
	for _, row := range b.Rows {
		for _, v := range row.Values {
			most = max(most, v.Size)
		}
	}
	drawn := make([]DrawnBar, len(b.Rows))
	for i, row := range b.Rows {
		drawn[i].Bar = row
		for series := len(row.Values) - 1; series >= 0; series-- {
			if size := row.Values[series].Size; size > 0 {
				drawn[i].Strokes = append(drawn[i].Strokes, Stroke{series, max(4, size*chartSide/most)})
			}
		}
	}
	return drawn
}

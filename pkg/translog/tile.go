package translog

import (
	"context"
	"encoding/binary"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// A Path is the place of a tile or entry bundle in a log's public files
// (c2sp.org/tlog-tiles).
type Path struct {
	Entries bool // an entry bundle, whose Level is 0
	Level   int
	N       int64
	Width   int // of what it holds, 1 to 256
}

// From is the index, at the tile's level, of its first element.
func (p Path) From() int64 { return p.N * TileWidth }

// To is the index behind its last element.
func (p Path) To() int64 { return p.From() + int64(p.Width) }

// Within reports whether a tree of a size has all the elements.
func (p Path) Within(size int64) bool { return p.To() <= size>>(p.Level*tileHeight) }

// String returns the path, such as "tile/0/x001/234.p/5".
func (p Path) String() string {
	level := strconv.Itoa(p.Level)
	if p.Entries {
		level = "entries"
	}
	n := fmt.Sprintf("%03d", p.N%1000)
	for rest := p.N / 1000; rest > 0; rest /= 1000 {
		n = fmt.Sprintf("x%03d/%s", rest%1000, n)
	}
	if p.Width < TileWidth {
		n += fmt.Sprintf(".p/%d", p.Width)
	}
	return "tile/" + level + "/" + n
}

var pathForm = regexp.MustCompile(`^tile/(entries|[0-9]|[1-5][0-9])/((?:x[0-9]{3}/){0,6}[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?$`)

// ParsePath reads the path of a tile. It accepts one spelling only; errors are
// [ErrPath].
func ParsePath(path string) (Path, error) {
	parts := pathForm.FindStringSubmatch(path)
	if parts == nil {
		return Path{}, ErrPath
	}
	p := Path{Entries: parts[1] == "entries", Width: TileWidth}
	var err error
	if !p.Entries {
		if p.Level, err = strconv.Atoi(parts[1]); err != nil {
			return Path{}, ErrPath
		}
	}
	if p.N, err = strconv.ParseInt(strings.NewReplacer("x", "", "/", "").Replace(parts[2]), 10, 64); err != nil {
		return Path{}, ErrPath
	}
	if parts[3] != "" {
		if p.Width, err = strconv.Atoi(parts[3]); err != nil || p.Width >= TileWidth {
			return Path{}, ErrPath
		}
	}
	if p.N > (1<<62)/TileWidth || p.String() != path {
		return Path{}, ErrPath
	}
	return p, nil
}

// Bundle returns an entry bundle: each leaf behind its length in two bytes,
// big-endian.
func Bundle(leaves [][]byte) []byte {
	var out []byte
	for _, leaf := range leaves {
		out = binary.BigEndian.AppendUint16(out, uint16(len(leaf)))
		out = append(out, leaf...)
	}
	return out
}

// ParseBundle reads an entry bundle of exactly width leaves.
func ParseBundle(data []byte, width int) ([][]byte, error) {
	var leaves [][]byte
	for len(data) > 0 {
		if len(data) < 2 || len(data)-2 < int(binary.BigEndian.Uint16(data)) {
			return nil, fmt.Errorf("translog: the entry bundle is cut short")
		}
		n := int(binary.BigEndian.Uint16(data))
		leaves, data = append(leaves, data[2:2+n]), data[2+n:]
	}
	if len(leaves) != width {
		return nil, fmt.Errorf("translog: the entry bundle has %d leaves, want %d", len(leaves), width)
	}
	return leaves, nil
}

// TileReader reads hashes from the public files of a log, as far as the
// checkpoint covers them; fetch returns the bytes at a path. What it returns is
// as trustworthy as whoever serves the files: check what is computed from it
// against a checkpoint.
func TileReader(c Checkpoint, fetch func(ctx context.Context, path string) ([]byte, error)) ReadHashes {
	return func(ctx context.Context, level int, from, to int64) ([]Hash, error) {
		n := from / TileWidth
		width := min((n+1)*TileWidth, c.Size>>(level*tileHeight)) - n*TileWidth
		if to > n*TileWidth+width {
			return nil, fmt.Errorf("translog: hashes %d to %d are not in one tile", from, to)
		}
		p := Path{Level: level, N: n, Width: int(width)}
		data, err := fetch(ctx, p.String())
		if err != nil {
			return nil, err
		}
		if len(data) != p.Width*tlog.HashSize {
			return nil, fmt.Errorf("translog: %s has %d bytes, want %d", p, len(data), p.Width*tlog.HashSize)
		}
		var hashes []Hash
		for i := from - p.From(); i < to-p.From(); i++ {
			hashes = append(hashes, Hash(data[i*tlog.HashSize:(i+1)*tlog.HashSize]))
		}
		return hashes, nil
	}
}

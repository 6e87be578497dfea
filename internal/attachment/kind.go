package attachment

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
)

// unspecific is the type of what says nothing about itself.
const unspecific = "application/octet-stream"

// headLength is how much of a file is looked at to tell what it is.
const headLength = 512

// maxPixels is how large a picture may be to be shown: a small file can unfold into one that takes a browser's memory.
const maxPixels = 100 << 20

// maxHeader is how much of a picture is read to find its size: cameras put a preview before it.
const maxHeader = 2 << 20

// pictures are the types that browsers may show in place.
var pictures = map[string]func(io.Reader) (image.Config, error){
	"image/png": png.DecodeConfig, "image/jpeg": jpeg.DecodeConfig, "image/gif": gif.DecodeConfig, "image/webp": webpConfig,
}

// kindOf says what a file is. The bytes decide; where they say no more than "an archive", "text" or nothing, the name, and for what is unknown then the
// sender's word, make it more precise. A picture whose header cannot be read is not one, whatever it begins with.
func kindOf(head []byte, name, claimed string, content io.ReadSeeker) (kind string, width, height int, err error) {
	kind = mediaType(http.DetectContentType(head))
	if config := pictures[kind]; config != nil {
		if _, err := content.Seek(0, io.SeekStart); err != nil {
			return "", 0, 0, err
		}
		c, err := config(bufio.NewReader(io.LimitReader(content, maxHeader)))
		if err != nil || c.Width <= 0 || c.Height <= 0 || int64(c.Width)*int64(c.Height) > maxPixels {
			return unspecific, 0, 0, nil // a file that is broken is still a file
		}
		return kind, c.Width, c.Height, nil
	}
	if byName, ok := byExtension[kind][extension(name)]; ok {
		return byName, 0, 0, nil
	}
	if kind == unspecific {
		if claimed = mediaType(claimed); plausible(claimed) {
			return claimed, 0, 0, nil
		}
	}
	return kind, 0, 0, nil
}

func mediaType(contentType string) string {
	kind, _, err := mime.ParseMediaType(contentType)
	if err != nil || len(kind) > 100 {
		return unspecific
	}
	return kind
}

// plausible says whether a sender may be believed that bytes nobody knows are of a type: never one that is shown or run.
func plausible(kind string) bool {
	group, _, _ := strings.Cut(kind, "/")
	return slices.Contains([]string{"audio", "video", "font"}, group)
}

// byExtension makes what the bytes say more precise.
var byExtension = map[string]map[string]string{
	"application/zip": {
		"docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
		"xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
		"pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
		"odt":  "application/vnd.oasis.opendocument.text",
		"ods":  "application/vnd.oasis.opendocument.spreadsheet",
		"odp":  "application/vnd.oasis.opendocument.presentation",
		"epub": "application/epub+zip",
	},
	"text/plain": {
		"csv": "text/csv", "md": "text/markdown", "json": "application/json", "svg": "image/svg+xml", "xml": "text/xml",
		"html": "text/html", "htm": "text/html",
	},
	"text/xml": {"svg": "image/svg+xml"},
	unspecific: {
		"doc": "application/msword", "xls": "application/vnd.ms-excel", "ppt": "application/vnd.ms-powerpoint", "wps": "application/vnd.ms-works",
		"heic": "image/heic", "7z": "application/x-7z-compressed", "amr": "audio/amr", "silk": "audio/silk",
	},
}

// programs are the extensions of what Windows, where most agents sit, runs when it is opened: the name is the sender's, and the icon is what it likes.
var programs = []string{
	"exe", "com", "scr", "pif", "bat", "cmd", "msi", "msp", "msc", "cpl", "hta", "vbs", "vbe", "js", "jse", "wsf", "wsh", "lnk", "url", "scf", "reg", "jar",
	"appref-ms", "application",
}

// program says whether a file would run when it is opened, by its name or by what it begins with.
func program(head []byte, name string) bool {
	if slices.Contains(programs, extension(name)) {
		return true
	}
	for _, magic := range []string{"\x7fELF", "\xfe\xed\xfa\xce", "\xfe\xed\xfa\xcf", "\xce\xfa\xed\xfe", "\xcf\xfa\xed\xfe", "\xca\xfe\xba\xbe"} {
		if bytes.HasPrefix(head, []byte(magic)) {
			return true
		}
	}
	// Programs of Windows begin with MZ, and so may a text.
	return bytes.HasPrefix(head, []byte("MZ")) && http.DetectContentType(head) == unspecific
}

// webpConfig reads the size of a WebP picture: the standard library has no decoder for it, and the size stands in one of three places of the first 30 bytes.
func webpConfig(r io.Reader) (image.Config, error) {
	var b [30]byte
	if _, err := io.ReadFull(r, b[:]); err != nil {
		return image.Config{}, err
	}
	if string(b[:4]) != "RIFF" || string(b[8:12]) != "WEBP" {
		return image.Config{}, image.ErrFormat
	}
	var c image.Config
	switch string(b[12:16]) {
	case "VP8 ":
		if b[23] != 0x9d || b[24] != 0x01 || b[25] != 0x2a {
			return c, image.ErrFormat
		}
		c.Width, c.Height = int(binary.LittleEndian.Uint16(b[26:])&0x3fff), int(binary.LittleEndian.Uint16(b[28:])&0x3fff)
	case "VP8L":
		if b[20] != 0x2f {
			return c, image.ErrFormat
		}
		bits := binary.LittleEndian.Uint32(b[21:])
		c.Width, c.Height = int(bits&0x3fff)+1, int(bits>>14&0x3fff)+1
	case "VP8X":
		c.Width = int(b[24]) | int(b[25])<<8 | int(b[26])<<16 + 1
		c.Height = int(b[27]) | int(b[28])<<8 | int(b[29])<<16 + 1
	default:
		return c, image.ErrFormat
	}
	return c, nil
}

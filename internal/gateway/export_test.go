package gateway

import "iter"

// CheckFrame says whether a client's frame can be read.
func CheckFrame(data []byte) error {
	f, err := decode(data)
	if err == nil && f.Type == typeReport {
		_, err = decodeReport(data)
	}
	return err
}

// Frames are the frames of a post.
func Frames(body []byte) iter.Seq[[]byte] { return frames(body) }

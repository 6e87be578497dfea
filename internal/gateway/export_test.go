package gateway

// CheckFrame says whether a client's frame can be read.
func CheckFrame(data []byte) error {
	_, err := decode(data)
	return err
}

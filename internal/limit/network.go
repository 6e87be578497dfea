package limit

import "net/netip"

// Network is what counts as one address: of IPv6 the 64 bits that one household gets, since one machine in it has as many addresses as it likes.
func Network(address string) string {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return address
	}
	if a = a.Unmap().WithZone(""); a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			return p.String()
		}
	}
	return a.String()
}

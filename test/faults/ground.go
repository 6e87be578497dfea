package faults

// ground looks whether what a report cites is so, in what else the API tells: it counts the facts and lists those that are not, or of which nothing else is known.
func (c *Case) ground(r *Report) (facts int, wrong []string, err error) {
	return 0, nil, nil
}

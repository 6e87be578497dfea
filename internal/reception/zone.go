package reception

import "runtime"

// ZoneDataVersion names the time zone data that schedules are evaluated with, for the journal: with other data an old instant may read another
// wall-clock time. The program embeds the zone data of its Go release (package time/tzdata), which has no version of its own to ask for, so the
// release stands for it. Data of the system that takes precedence (ZONEINFO, /usr/share/zoneinfo) is not seen here: whoever wants exact replay across
// machines runs without it.
func ZoneDataVersion() string { return "tzdata-" + runtime.Version() }

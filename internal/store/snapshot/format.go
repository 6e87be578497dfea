package snapshot

import (
	"fmt"
	"time"

	"github.com/bidahq/bida/internal/problem"
	"github.com/bidahq/bida/internal/reception"
)

// The versions of the file's form: of one that has everything, and of one that has what explains one agent, which older programs would take for everything.
const (
	Version      = 1
	versionOfOne = 2
)

// The form of a file: a line with the magic and the version; a gzip member with lines of JSON; a line of a fixed length with the SHA-256 and the length of
// everything before it. docs/snapshot.md describes the lines of JSON.
const (
	magic   = "bida-snapshot "
	trailer = "\nsha256=%s length=%020d\n"
	// trailerLength is the length of a trailer.
	trailerLength = 1 + len("sha256=") + 64 + len(" length=") + 20 + 1
)

// Limits of a file, for whoever writes it and whoever reads it.
const (
	MaxFile     = 256 << 20 // bytes
	maxUnpacked = 1 << 30   // bytes
	maxLine     = 16 << 20  // bytes
	maxRows     = 2_000_000
	// maxMessages is how many messages of a span are tried: each brings about three other rows.
	maxMessages = maxRows / 3
)

// Margin is how far rows reach back before the earliest instant that can be asked about: a report counts the traffic of the day before.
const Margin = 24 * time.Hour

// Usual is how far back a snapshot can be asked about if nothing else is said.
const Usual = 24 * time.Hour

// Head says what a snapshot is of.
type Head struct {
	Program  string    `json:"program"`
	Engine   string    `json:"engine"`            // of the gates, the zone data, the calendars and the filters
	Position int64     `json:"position"`          // last ledger position
	At       time.Time `json:"at"`                // its present
	Since    time.Time `json:"since"`             // the earliest instant that can be asked about
	From     int64     `json:"from"`              // position of the earliest rows
	Began    time.Time `json:"began"`             // when the records of the installation begin
	AliveAt  time.Time `json:"alive_at"`          // last sign of life of the server
	Zone     string    `json:"zone"`              // in which times are shown: a name, or an offset such as +08:00
	Agent    string    `json:"agent,omitempty"`   // the only one that it explains, "" for all
	Inboxes  []string  `json:"inboxes,omitempty"` // those of the agent
	Failures []Failure `json:"failures"`
	zone     *time.Location
}

// Location is the zone in which times are shown.
func (h *Head) Location() *time.Location { return h.zone }

// Failure is a part of Bida that was known to fail at the snapshot's present.
type Failure struct {
	Component string    `json:"component"`
	Position  int64     `json:"position"`
	At        time.Time `json:"at"`
	Source    string    `json:"source"`
	Cause     string    `json:"cause"`
}

func failuresOf(list []reception.Failure) []Failure {
	out := []Failure{}
	for _, f := range list {
		out = append(out, Failure{f.Component, f.Origin.Position, f.Origin.At, f.Origin.Source, f.Origin.Cause})
	}
	return out
}

func (h *Head) failures() []reception.Failure {
	var out []reception.Failure
	for _, f := range h.Failures {
		out = append(out, reception.Failure{
			Component: f.Component, Origin: reception.Origin{Position: f.Position, At: f.At, By: "system", Source: f.Source, Cause: f.Cause},
		})
	}
	return out
}

// zoneName names a zone so that another machine knows it: the zone of a machine without a name is written as its offset at an instant.
func zoneName(zone *time.Location, at time.Time) string {
	if name := zone.String(); name != "Local" && name != "" {
		return name
	}
	return at.In(zone).Format("-07:00")
}

func parseZone(name string) (*time.Location, error) {
	if t, err := time.Parse("-07:00", name); err == nil {
		_, offset := t.Zone()
		return time.FixedZone(name, offset), nil
	}
	if name == "" || name == "Local" {
		return nil, fmt.Errorf("%q is no zone", name)
	}
	return time.LoadLocation(name)
}

// The refusals of a file. Each says what is wrong; nothing of the file is used then.
var (
	errNoSnapshot = problem.New(problem.Invalid, "snapshot.not_one", "This is not a snapshot of Bida.", "这不是必达的快照文件。")
	errTruncated  = problem.New(problem.Invalid, "snapshot.truncated",
		"The snapshot is not whole: its end is missing. Export or copy it again.", "快照不完整，缺少结尾；请重新导出或重新拷贝。")
	errAltered = problem.New(problem.Invalid, "snapshot.altered",
		"The snapshot was altered or damaged after it was written: its checksum is wrong. Copy it again.", "快照在写出后被改动或损坏（校验和不符）；请重新拷贝。")
	errTooLong = problem.New(problem.TooLarge, "snapshot.too_large",
		fmt.Sprintf("The snapshot is larger than %d MiB.", MaxFile>>20), fmt.Sprintf("快照超过 %d MiB。", MaxFile>>20))
	errUnpacks = problem.New(problem.TooLarge, "snapshot.unpacks_too_large",
		fmt.Sprintf("The snapshot unpacks to more than %d MiB.", maxUnpacked>>20), fmt.Sprintf("快照解压后超过 %d MiB。", maxUnpacked>>20))
	errRows = problem.New(problem.TooLarge, "snapshot.too_many_rows",
		fmt.Sprintf("The snapshot has more than %d rows.", maxRows), fmt.Sprintf("快照超过 %d 行。", maxRows))
	errBusy = problem.New(problem.Limited, "snapshot.busy", "Another snapshot is being made; try again when it is done.", "正在导出另一份快照，请待其完成后再试。")
	errMuch = problem.New(problem.Invalid, "snapshot.too_much",
		"Too much was recorded in this time for one snapshot; ask for a shorter one.", "这段时间的记录太多，无法导出为一份快照；请缩短时间。").On("/since")
	errSince = problem.New(problem.Invalid, "snapshot.since_in_the_future", "This instant lies in the future.", "这个时间在将来。").On("/since")
	errOlder = problem.New(problem.NotFound, "snapshot.message_too_old",
		"The snapshot does not reach back to this message; export one from before it (--since).", "快照不包含这么早的消息；请用 --since 从更早的时间导出。").On("/message")
)

// errForm says which version the file has.
func errForm(version string) error {
	return problem.New(problem.Invalid, "snapshot.newer",
		fmt.Sprintf("The snapshot has the form %s, and this program reads the forms %d and %d only; use a newer program.", version, Version, versionOfOne),
		fmt.Sprintf("快照的格式版本是 %s，本程序只能读取版本 %d 和 %d；请使用更新的程序。", version, Version, versionOfOne))
}

// errEngine says which engine the file was made with.
func errEngine(h *Head, engine string) error {
	return problem.New(problem.Invalid, "snapshot.engine",
		fmt.Sprintf("The snapshot was made by Bida %s with the engine %q; this program has %q and might decide otherwise. Explain it with the program that made it.", h.Program, h.Engine, engine),
		fmt.Sprintf("快照由必达 %s 生成，判定引擎为“%s”；本程序的引擎为“%s”，判定结果可能不同。请用生成它的程序来解释。", h.Program, h.Engine, engine))
}

// errContent says which line of the content is wrong.
func errContent(line int, why error) error {
	return problem.New(problem.Invalid, "snapshot.content",
		fmt.Sprintf("Line %d of the snapshot's content cannot be read: %v.", line, why), fmt.Sprintf("快照内容第 %d 行无法读取：%v。", line, why))
}

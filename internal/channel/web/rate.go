package web

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/problem"
)

// MaxComment is how many characters a comment has at most.
const MaxComment = 500

// ratingTime is for how long a rating may be changed.
const ratingTime = time.Hour

// Refusals of ratings.
var (
	errScore     = problem.New(problem.Invalid, "chat.invalid_rating", "A score is a number from 1 to 5.", "评分为 1 到 5。").On("/score")
	errComment   = problem.New(problem.Invalid, "chat.invalid_rating", "A comment has at most "+strconv.Itoa(MaxComment)+" characters and no control characters.", "评价最多 "+strconv.Itoa(MaxComment)+" 个字，不能含控制字符。").On("/comment")
	errNotYet    = problem.New(problem.Conflict, "chat.nothing_to_rate", "There is no conversation that has ended and could be rated.", "还没有已结束、可以评价的会话。")
	errRatedOnce = problem.New(problem.Conflict, "chat.rating_closed", "This conversation was rated, and the time to change that is over.", "该会话已评价，且已超过可修改的时间。")
)

// ratingOpen says whether a rating may still be changed.
func ratingOpen(r *ledger.RatingRow, now time.Time) bool {
	return now.Before(r.FirstAt.Add(ratingTime))
}

// rate is the command that rates a resolved conversation. The comment is personal: it goes into the rating and nowhere else.
type rate struct {
	conversation int64
	score        int
	comment      string
}

// Apply implements ledger.Command.
func (c *rate) Apply(tx *ledger.Tx) error {
	conversation, ok, err := tx.Conversation(c.conversation)
	if err != nil {
		return err
	}
	if !ok || conversation.Status != ledger.StatusResolved {
		return errNotYet
	}
	row, rated, err := tx.Rating(c.conversation)
	switch {
	case err != nil:
		return err
	case rated && !ratingOpen(&row, tx.Now()):
		return errRatedOnce
	case rated && row.Score == c.score && row.Comment == c.comment:
		return nil // the same again
	case !rated:
		row = ledger.RatingRow{Conversation: c.conversation, FirstAt: tx.Now()}
	}
	row.Score, row.Comment, row.At, row.Position = c.score, c.comment, tx.Now(), tx.Next()
	tx.PutRating(row)
	return nil
}

// Rate rates the visitor's last resolved conversation.
func (s *Service) Rate(ctx context.Context, v Visitor, score int, comment string) error {
	if score < 1 || score > 5 {
		return errScore
	}
	comment = strings.TrimSpace(comment)
	if !utf8.ValidString(comment) || utf8.RuneCountInString(comment) > MaxComment || strings.IndexFunc(comment, forbidden) >= 0 {
		return errComment
	}
	rows, err := s.o.Reader.ContactConversations(ctx, v.Inbox, v.ID, recent)
	if err != nil {
		return fmt.Errorf("conversations of a visitor: %w", err)
	}
	c := newestResolved(rows)
	if c == nil {
		return errNotYet
	}
	return s.o.Ledger.Do(ctx, &rate{c.ID, score, comment})
}

// forbidden says that a character has no place in a comment, which may have several lines.
func forbidden(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }

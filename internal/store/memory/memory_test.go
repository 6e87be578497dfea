package memory_test

import (
	"testing"

	"github.com/bidahq/bida/internal/store"
	"github.com/bidahq/bida/internal/store/memory"
	"github.com/bidahq/bida/internal/store/storetest"
)

func TestMemory(t *testing.T) {
	storetest.Run(t, func(t *testing.T) func() store.Store {
		s := memory.New()
		s.KeepRefusals(storetest.KeptRefusals)
		return func() store.Store {
			s = s.Crash()
			return s
		}
	})
}

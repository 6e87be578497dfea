package store_test

import (
	"github.com/bidahq/bida/internal/store"
	"github.com/bidahq/bida/internal/store/memory"
	"github.com/bidahq/bida/internal/store/postgres"
	"github.com/bidahq/bida/internal/store/sqlite"
)

var (
	_ store.Store = (*memory.Store)(nil)
	_ store.Store = (*sqlite.Store)(nil)
	_ store.Store = (*postgres.Store)(nil)
)

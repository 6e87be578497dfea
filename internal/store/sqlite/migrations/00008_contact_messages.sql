-- +goose Up

-- What a contact wrote is found through its conversations: this index took a third of all pages that ordinary messages write.
DROP INDEX messages_contact;

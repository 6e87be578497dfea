// Files that a visitor has chosen and that the server does not have yet. They are kept in the browser's database, so that a message with a file outlives a
// reload or a night without network; without a database they live as long as the page.

const store = "files";

export class Blobs {
  private readonly held = new Map<string, Blob>();
  private readonly db: Promise<IDBDatabase | undefined>;

  constructor(name: string) {
    this.db = open(name);
  }

  async put(key: string, blob: Blob): Promise<void> {
    this.held.set(key, blob);
    await this.run("readwrite", (s) => s.put(blob, key));
  }

  async get(key: string): Promise<Blob | undefined> {
    const found: unknown = this.held.get(key) ?? (await this.run("readonly", (s) => s.get(key)));
    return found instanceof Blob ? found : undefined;
  }

  async drop(key: string): Promise<void> {
    this.held.delete(key);
    await this.run("readwrite", (s) => s.delete(key));
  }

  private async run(mode: IDBTransactionMode, act: (s: IDBObjectStore) => IDBRequest): Promise<unknown> {
    const db = await this.db;
    if (!db) return undefined;
    return new Promise((resolve) => {
      try {
        const request = act(db.transaction(store, mode).objectStore(store));
        request.onsuccess = () => resolve(request.result as unknown);
        request.onerror = () => resolve(undefined);
      } catch {
        resolve(undefined); // the browser closed it, or has no room: memory has the file
      }
    });
  }
}

function open(name: string): Promise<IDBDatabase | undefined> {
  return new Promise((resolve) => {
    try {
      const request = indexedDB.open(name, 1);
      request.onupgradeneeded = () => request.result.createObjectStore(store);
      request.onsuccess = () => resolve(request.result);
      request.onerror = request.onblocked = () => resolve(undefined);
    } catch {
      resolve(undefined);
    }
  });
}

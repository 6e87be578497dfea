import { useCallback, useEffect, useRef, useState } from "react";
import { ApiError, errorOf, type Schemas } from "@bida/shared/api";
import { preferences } from "../../app/preferences";
import type { DraftFile } from "./drafts";

/** A file that is being uploaded, or could not be. */
export interface Uploading {
  readonly key: string;
  readonly name: string;
  readonly size: number;
  /** 0 to 100. */
  readonly percent: number;
  readonly error?: string;
}

const largest = 20 * 1024 * 1024;
export const mostFiles = 10;

type Upload = Schemas["Upload"];

/** upload sends a file; progress is told as it goes. fetch cannot tell it, so this is an XMLHttpRequest. */
function upload(file: File, onProgress: (percent: number) => void, signal: AbortSignal): Promise<Upload> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", `/api/v1/attachments?name=${encodeURIComponent(file.name)}`);
    request.setRequestHeader("Content-Type", file.type === "" ? "application/octet-stream" : file.type);
    request.setRequestHeader("Accept-Language", preferences().language);
    request.responseType = "text";
    request.upload.onprogress = (e) => onProgress(e.lengthComputable ? Math.floor((e.loaded / e.total) * 100) : 0);
    request.onerror = () => reject(new ApiError(0, "network", ""));
    request.onabort = () => reject(new DOMException("aborted", "AbortError"));
    request.onload = () => {
      let body: unknown;
      try {
        body = JSON.parse(request.responseText);
      } catch {
        body = undefined; // something in between answered
      }
      if (request.status === 201) resolve(body as Upload);
      else reject(errorOf(new Response(null, { status: Math.max(200, request.status) }), body));
    };
    signal.addEventListener("abort", () => request.abort());
    request.send(file);
  });
}

interface Words {
  readonly network: string;
  readonly empty: string;
  readonly tooLarge: string;
}

/** useUploads uploads files, one after the other; each that is there is handed over. */
export function useUploads(onUploaded: (file: DraftFile) => void, words: Words): { readonly list: readonly Uploading[]; readonly add: (files: readonly File[]) => void; readonly drop: (key: string) => void } {
  const [list, setList] = useState<readonly Uploading[]>([]);
  const stops = useRef(new Map<string, AbortController>());
  const line = useRef<Promise<void>>(Promise.resolve());
  const done = useRef(onUploaded);
  useEffect(() => {
    done.current = onUploaded;
  }, [onUploaded]);
  const edit = useCallback((key: string, change: Partial<Uploading>) => setList((l) => l.map((u) => (u.key === key ? { ...u, ...change } : u))), []);
  const drop = useCallback((key: string) => {
    stops.current.get(key)?.abort();
    stops.current.delete(key);
    setList((l) => l.filter((u) => u.key !== key));
  }, []);
  const add = useCallback((files: readonly File[]) => {
    for (const file of files) {
      const key = `${Date.now()}-${Math.random()}`;
      const error = file.size === 0 ? words.empty : file.size > largest ? words.tooLarge : undefined; // said before twenty megabytes are sent in vain
      setList((l) => [...l, { key, name: file.name, size: file.size, percent: 0, ...(error === undefined ? {} : { error }) }]);
      if (error !== undefined) continue;
      const stop = new AbortController();
      stops.current.set(key, stop);
      line.current = line.current.then(async () => {
        if (stop.signal.aborted) return;
        try {
          const u = await upload(file, (percent) => edit(key, { percent }), stop.signal);
          drop(key);
          done.current({ id: u.id, name: u.name, type: u.type, size: u.size });
        } catch (e) {
          if (!stop.signal.aborted) edit(key, { error: e instanceof ApiError && e.status !== 0 ? e.message : words.network });
        }
      });
    }
  }, [drop, edit, words]);
  return { list, add, drop };
}

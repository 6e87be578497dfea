import { useNavigate, useSearch } from "@tanstack/react-router";
import { useCallback, useMemo } from "react";

/** The parameters of the page's address, as text, and a way to change some of them; an empty one is taken out. */
export function useParameters(): [Readonly<Record<string, string>>, (change: Readonly<Record<string, string | undefined>>) => void] {
  const raw: unknown = useSearch({ strict: false });
  const navigate = useNavigate();
  const parameters = useMemo(() => {
    const all: Record<string, string> = {};
    for (const [name, value] of Object.entries(typeof raw === "object" && raw !== null ? raw : {})) {
      if (typeof value === "string" || typeof value === "number") all[name] = String(value);
    }
    return all;
  }, [raw]);
  const change = useCallback((next: Readonly<Record<string, string | undefined>>) => {
    const search: Record<string, string> = {};
    for (const [name, value] of Object.entries({ ...parameters, ...next })) if (value !== undefined && value !== "") search[name] = value;
    void navigate({ to: ".", search });
  }, [navigate, parameters]);
  return [parameters, change];
}

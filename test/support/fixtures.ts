import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** Path of a file below `fixtures/`. */
export function fixture(name: string): string {
  return fileURLToPath(new URL(`../../fixtures/${name}`, import.meta.url));
}

/** The guests that do what `fixtures/README.md` says of `http-headers`, one a language. */
export const httpHeaders = ["tinygo", "c", "cpp", "rust", "assemblyscript", "go"] as const;

/** Their modules. Go's is 3 MB and not committed: undefined where it was not built. */
export function httpHeadersModule(language: (typeof httpHeaders)[number]): string | undefined {
  const folder = language === "tinygo" ? "http-headers" : `http-headers-${language}`;
  const path = fixture(`${folder}/http-headers.wasm`);
  return existsSync(path) ? path : undefined;
}

/** Why a test of the Go module is skipped. */
export const goMissing =
  "fixtures/http-headers-go is built on demand: npm run fixtures http-headers-go (Go 1.24 or newer)";

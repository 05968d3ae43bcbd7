import { utf8ByteString } from "../abi/bytes.js";
import { didYouMean } from "../abi/nearest.js";
import type { Pair } from "../abi/pairs.js";
import { HarnessError } from "../errors.js";
import type { DraftCase } from "./record.js";
import { redactBody, redactHeaders, redactPath } from "./redact.js";

/** Options that say something about the request. */
const meaningful: Readonly<Record<string, string>> = {
  "-X": "method",
  "--request": "method",
  "-H": "header",
  "--header": "header",
  "-d": "data",
  "--data": "data",
  "--data-ascii": "data",
  "--data-raw": "raw",
  "--data-binary": "raw",
  "--data-urlencode": "encoded",
  "--json": "json",
  "-b": "cookie",
  "--cookie": "cookie",
  "-A": "agent",
  "--user-agent": "agent",
  "-e": "referer",
  "--referer": "referer",
  "-u": "user",
  "--user": "user",
  "--url": "url",
};
const flags: Readonly<Record<string, string>> = {
  "-I": "head",
  "--head": "head",
  "-G": "get",
  "--get": "get",
  "--http2": "http2",
  "--http2-prior-knowledge": "http2",
};
/** About the connection and the output: a scenario has neither. */
const ignored = new Set(
  "--compressed -s --silent -S --show-error -k --insecure -L --location -v --verbose -i --include -g --globoff --http1.1 -f --fail -N --no-buffer".split(
    " ",
  ),
);
const ignoredWithValue = new Set("-o --output -m --max-time --connect-timeout --retry -w --write-out".split(" "));

/**
 * The request of a curl command, as browsers copy it.
 *
 * @param command The whole command; `curl` may be left out.
 * @throws {HarnessError} OPTION_INVALID for an option that cannot be represented, by its name.
 */
export function caseOfCurl(command: string, { keepSecrets = false } = {}): DraftCase {
  const given = optionsOf(words(command));
  const urls = given.get("url") ?? [];
  if (urls.length !== 1) throw refused(urls.length === 0 ? "it has no URL" : `it has ${urls.length} URLs`);
  const url = urlOf(urls[0]!);
  const headers = (given.get("header") ?? []).map(headerOf).filter((one) => one !== undefined);
  const add = (name: string, value: string): void => {
    if (headers.every(([key]) => key !== name)) headers.push([name, utf8ByteString(value)]);
  };
  for (const value of given.get("agent") ?? []) add("user-agent", value);
  for (const value of given.get("referer") ?? []) add("referer", value);
  for (const value of given.get("cookie") ?? []) add("cookie", value);
  for (const value of given.get("user") ?? []) add("authorization", `Basic ${Buffer.from(value).toString("base64")}`);
  const data = (given.get("data") ?? []).join("&");
  if (given.has("json")) for (const name of ["content-type", "accept"]) add(name, "application/json");
  else if (data !== "" && !given.has("get")) add("content-type", "application/x-www-form-urlencoded");
  const path =
    url.pathname +
    (given.has("get") && data !== "" ? `${url.search === "" ? "?" : `${url.search}&`}${data}` : url.search);
  const body = given.has("get") ? "" : data;
  const type = headers.find(([name]) => name === "content-type")?.[1] ?? "";
  const host = headers.find(([name]) => name === "host")?.[1];
  const method = given.get("method")?.at(-1) ?? (given.has("head") ? "HEAD" : body === "" ? "GET" : "POST");
  const sent = headers.filter(([name]) => name !== "host" && name !== "content-length");
  return {
    name: `${method} ${url.pathname}`,
    request: {
      method,
      path: keepSecrets ? path : redactPath(path),
      authority: host ?? url.host,
      ...(url.protocol === "https:" && { scheme: "https" }),
      ...(given.has("http2") && { protocol: "HTTP/2" as const }),
      headers: keepSecrets ? sent : redactHeaders(sent),
      ...(body !== "" && { body: keepSecrets ? body : redactBody(body, type) }),
    },
  };
}

const refused = (why: string): HarnessError =>
  new HarnessError("OPTION_INVALID", `Cannot import the curl command: ${why}`);

function urlOf(given: string): URL {
  try {
    return new URL(/^[a-z]+:\/\//i.test(given) ? given : `http://${given}`);
  } catch {
    throw refused(`"${given}" is no URL`);
  }
}

function headerOf(given: string): Pair | undefined {
  const colon = given.indexOf(":");
  if (colon < 0) {
    if (given.endsWith(";")) return [given.slice(0, -1).toLowerCase(), ""];
    throw refused(`header "${given}" has no colon`);
  }
  const value = given.slice(colon + 1).trim();
  return value === "" ? undefined : [given.slice(0, colon).trim().toLowerCase(), utf8ByteString(value)];
}

function optionsOf(args: readonly string[]): Map<string, string[]> {
  const found = new Map<string, string[]>();
  const add = (name: string, value: string): void => void found.set(name, [...(found.get(name) ?? []), value]);
  for (let i = args[0] === "curl" ? 1 : 0; i < args.length; i++) {
    const arg = args[i]!;
    if (!arg.startsWith("-") || arg === "-") {
      add("url", arg);
      continue;
    }
    const short = arg.startsWith("--") ? arg : arg.slice(0, 2);
    const joined = arg.slice(short.length);
    const takes = meaningful[short] ?? (ignoredWithValue.has(short) ? "" : undefined);
    if (takes !== undefined) {
      const value = joined !== "" ? joined : args[++i];
      if (value === undefined) throw refused(`${short} has no value`);
      if (takes !== "") addData(add, takes, value, short);
    } else if (flags[short] !== undefined) add(flags[short], "");
    else if (!ignored.has(short)) {
      const known = [...Object.keys(meaningful), ...Object.keys(flags), ...ignored];
      throw refused(`option ${short} cannot be represented${didYouMean(short, known)}`);
    }
    if (takes === undefined && joined !== "") args = [...args.slice(0, i + 1), `-${joined}`, ...args.slice(i + 1)];
  }
  return found;
}

function addData(add: (name: string, value: string) => void, kind: string, value: string, option: string): void {
  if (!["data", "raw", "encoded", "json"].includes(kind)) return add(kind, value);
  if (value.startsWith("@") && option !== "--data-raw")
    throw refused(`${option} reads the file ${value.slice(1)}: write its text instead`);
  if (kind === "json") add("json", "");
  const equals = value.indexOf("=");
  const encoded =
    equals < 0
      ? encodeURIComponent(value)
      : `${value.slice(0, Math.max(0, equals))}${equals > 0 ? "=" : ""}${encodeURIComponent(value.slice(equals + 1))}`;
  add("data", kind === "encoded" ? encoded : kind === "data" ? value.replace(/[\r\n]/g, "") : value);
}

/** A command line as a POSIX shell splits it: quotes, `$'…'`, backslashes, lines that go on. */
function words(command: string): string[] {
  const found: string[] = [];
  let word: string | undefined;
  for (let i = 0; i < command.length; i++) {
    const one = command[i]!;
    if (/\s/.test(one)) {
      if (word !== undefined) found.push(word);
      word = undefined;
      continue;
    }
    if (one === "\\") {
      const next = command[++i] ?? "";
      if (next !== "\n" && next !== "\r") word = (word ?? "") + next;
      continue;
    }
    const dollar = one === "$" && command[i + 1] === "'";
    if (one !== "'" && one !== '"' && !dollar) {
      word = (word ?? "") + one;
      continue;
    }
    if (dollar) i++;
    const quote = command[i]!;
    const end = endOf(command, i + 1, quote, dollar || quote === '"');
    const inside = command.slice(i + 1, end);
    word =
      (word ?? "") +
      (dollar
        ? unescaped(inside)
        : quote === '"'
          ? inside.replace(/\\(["\\$`\n])/g, (_, c: string) => (c === "\n" ? "" : c))
          : inside);
    i = end;
  }
  if (word !== undefined) found.push(word);
  return found;
}

function endOf(command: string, from: number, quote: string, escapes: boolean): number {
  for (let i = from; i < command.length; i++) {
    if (escapes && command[i] === "\\") i++;
    else if (command[i] === quote) return i;
  }
  throw refused(`a quote (${quote}) is never closed`);
}

const escapes: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", "'": "'", '"': '"', "\\": "\\" };

const unescaped = (text: string): string =>
  text.replace(/\\(u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|[nrt'"\\])/g, (_, one: string) =>
    one.length > 1 ? String.fromCharCode(Number.parseInt(one.slice(1), 16)) : escapes[one]!,
  );

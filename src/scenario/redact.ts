import type { Pair } from "../abi/pairs.js";

/** What takes the place of a secret. */
export const redactedValue = "REDACTED";

const secretHeaders: ReadonlySet<string> = new Set([
  "authorization",
  "proxy-authorization",
  "cookie",
  "set-cookie",
  "x-amz-security-token",
  "x-goog-iam-authorization-token",
]);

/** Names that hold secrets, in headers, queries, forms and JSON. */
const secretName =
  /(^|[-_.])(api[-_]?key|auth|token|secret|password|passwd|pwd|session|sid|credential|signature|jwt|key)s?($|[-_.])|(token|secret|password|apikey|credentials?)$/i;

/** Whether a key of a configuration or a body says that its value is secret. */
export const isSecretName = (name: string): boolean => secretName.test(name);

const isSecret = (name: string): boolean => secretHeaders.has(name.toLowerCase()) || isSecretName(name);

/** The scheme of an authorization is kept: plugins look at it. */
export function redactHeaders(pairs: readonly Pair[]): Pair[] {
  return pairs.map(([name, value]): Pair => {
    if (!isSecret(name)) return [name, name === ":path" ? redactPath(value) : value];
    const [, scheme] = /^(Bearer|Basic|Digest|Negotiate) /i.exec(value) ?? [];
    return [name, scheme === undefined ? redactedValue : `${scheme} ${redactedValue}`];
  });
}

/** Values of a query whose names say that they are secret. */
export function redactPath(path: string): string {
  const [before, query] = split(path);
  return query === undefined ? path : `${before}?${redactForm(query)}`;
}

function split(path: string): [string, string | undefined] {
  const at = path.indexOf("?");
  return at < 0 ? [path, undefined] : [path.slice(0, at), path.slice(at + 1)];
}

function redactForm(form: string): string {
  return form.replace(/(^|&)([^=&]+)=([^&]*)/g, (whole, start: string, name: string) =>
    isSecret(name) ? `${start}${name}=${redactedValue}` : whole,
  );
}

/** Secrets of a JSON or form body; other bodies stay as they are. */
export function redactBody(body: string, type: string): string {
  if (/^application\/x-www-form-urlencoded/i.test(type)) return redactForm(body);
  if (!/json/i.test(type)) return body;
  try {
    return JSON.stringify(JSON.parse(body), (name, value: unknown) =>
      name !== "" && isSecret(name) && (typeof value === "string" || typeof value === "number") ? redactedValue : value,
    );
  } catch {
    return body;
  }
}

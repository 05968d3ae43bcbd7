/** Headers that stand as HTTP/1 text: `GET /a HTTP/1.1`, or `HTTP/1.1 200 OK`, and a line for each header. */
export function headersOfText(text: string, kind: "request" | "response"): (readonly [string, string])[] | undefined {
  const [start = "", ...rest] = text.replace(/\r\n/g, "\n").split("\n");
  const end = rest.indexOf("");
  const fields: (readonly [string, string])[] = [];
  for (const line of end < 0 ? rest : rest.slice(0, end)) {
    const [, name, value] = /^([^\s:]+):[ \t]*(.*?)[ \t]*$/.exec(line) ?? [];
    if (name === undefined) return undefined;
    fields.push([name.toLowerCase(), value!]);
  }
  return kind === "request" ? requestOf(start, fields) : responseOf(start, fields);
}

function responseOf(start: string, fields: (readonly [string, string])[]) {
  const [, status] = /^HTTP\/1\.[01] (\d{3})(?: .*)?$/.exec(start) ?? [];
  return status === undefined ? undefined : [[":status", status] as const, ...fields];
}

/** Origin form has no scheme, and its authority is `Host`; absolute form has everything in the target. */
function requestOf(start: string, fields: (readonly [string, string])[]) {
  const [, method, target] = /^([!#$%&'*+.^_`|~\w-]+) (\S+) HTTP\/1\.[01]$/.exec(start) ?? [];
  if (method === undefined || target === undefined) return undefined;
  const others = fields.filter(([name]) => name !== "host");
  const [, scheme, authority, path] = /^(\w+):\/\/([^/?#]*)(.*)$/.exec(target) ?? [];
  const host = authority ?? fields.find(([name]) => name === "host")?.[1];
  return [
    [":method", method] as const,
    ...(scheme === undefined ? [] : [[":scheme", scheme] as const]),
    [":path", scheme === undefined ? target : path || "/"] as const,
    ...(host === undefined ? [] : [[":authority", host] as const]),
    ...others,
  ];
}

import { request } from "node:http";

/** GET on Envoy's admin interface. @throws when there is no answer in time */
export async function adminGet(
  port: number,
  path: string,
  timeoutMs = 2000,
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const get = request({ host: "127.0.0.1", port, path, agent: false, timeout: timeoutMs }, (response) => {
      const parts: Buffer[] = [];
      response.on("data", (part: Buffer) => parts.push(part));
      response.on("error", reject);
      response.on("end", () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(parts).toString() }));
    });
    get.on("timeout", () => get.destroy(new Error(`The admin interface does not answer ${path}`)));
    get.on("error", reject);
    get.end();
  });
}

/** `/stats` as name to value, sorted by name. */
export function parseStats(text: string): Record<string, string> {
  const pairs = text
    .split("\n")
    .map((line) => /^(.*?): (.*)$/.exec(line))
    .flatMap((match) => (match === null ? [] : [[match[1] ?? "", match[2] ?? ""] as const]))
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(pairs);
}

/** The port of a listener by name. */
export function listenerPort(text: string, name: string): number | undefined {
  const { listener_statuses: listeners = [] } = JSON.parse(text) as {
    listener_statuses?: { name: string; local_address: { socket_address: { port_value: number } } }[];
  };
  return listeners.find((listener) => listener.name === name)?.local_address.socket_address.port_value;
}

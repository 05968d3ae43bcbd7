import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { loadPlugin } from "../src/index.js";
import { fixture, goMissing, httpHeaders, httpHeadersModule } from "./support/fixtures.js";

const request = [
  [":authority", "example.com"],
  [":path", "/"],
  [":method", "GET"],
  ["x-team", "edge"],
] as const;

describe("committed modules are the bytes that their source gives", () => {
  const sums = readdirSync(fixture("."), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap(({ name }) => readdirSync(fixture(name)).map((file) => `${name}/${file}`))
    .filter((file) => file.endsWith(".wasm.sha256"));
  test("every module has its checksum beside it", () => {
    expect(sums.length).toBeGreaterThanOrEqual(9);
  });
  test.for(sums)("%s", (file, context) => {
    const [sum] = readFileSync(fixture(file), "utf8").split(/\s+/);
    const module = fixture(file.replace(/\.sha256$/, ""));
    if (file.startsWith("http-headers-go/") && !existsSync(module)) return context.skip(goMissing);
    expect(createHash("sha256").update(readFileSync(module)).digest("hex")).toBe(sum);
  });
});

/** What fixtures/README.md says every language's filter does. The AssemblyScript SDK logs to standard output. */
describe.each(httpHeaders)("http-headers in %s", (language) => {
  const module = httpHeadersModule(language);
  const say = (level: string, text: string): string =>
    language === "assemblyscript" ? `[info] [${level.toUpperCase()}]: ${text}` : `[${level}] ${text}`;
  const logged = (plugin: { logs: readonly { levelName: string; message: string }[] }): string[] =>
    plugin.logs.map(({ levelName, message }) => `[${levelName}] ${message}`);

  test("adds the configured header, replaces x-powered-by, logs what it saw", async (context) => {
    if (module === undefined) return context.skip(goMissing);
    using plugin = await loadPlugin(module, { configuration: { header: "x-a", value: "b" } });
    const stream = plugin.openHttpStream();
    stream.requestHeaders(request, { endOfStream: true });
    expect([...stream.upstream.headers!]).toEqual([...request, ["x-a", "b"]]);
    stream.responseHeaders({ ":status": "200", "x-powered-by": "upstream", "x-other": "1" }, { endOfStream: true });
    expect([...stream.client.headers!]).toEqual([
      [":status", "200"],
      ["x-other", "1"],
      ["x-powered-by", "proxy-wasm"],
    ]);
    expect(logged(plugin)).toEqual([
      say("info", 'configuration: {"header":"x-a","value":"b"}'),
      ...request.map(([name, value]) => say("info", `request header: ${name}: ${value}`)),
      say("info", "response header: x-powered-by: proxy-wasm"),
      say("info", "finished"),
    ]);
  });

  test("without configuration adds x-filter: on", async (context) => {
    if (module === undefined) return context.skip(goMissing);
    using plugin = await loadPlugin(module);
    const stream = plugin.openHttpStream();
    stream.requestHeaders(request, { endOfStream: true });
    expect(stream.upstream.headers!.get("x-filter")).toBe("on");
    expect(logged(plugin)[0]).toBe(say("info", "configuration: none"));
  });

  test.for(["nonsense", '{"header":""}', "[]"])(
    "refuses the configuration %s and says so",
    async (configuration, context) => {
      if (module === undefined) return context.skip(goMissing);
      const loading = loadPlugin(module, { configuration });
      await expect(loading).rejects.toMatchObject({
        code: "CONFIGURE_REFUSED",
        details: expect.arrayContaining([expect.stringContaining("configuration: not valid")]),
      });
    },
  );
});

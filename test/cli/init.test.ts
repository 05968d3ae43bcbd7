// What pwh init, import and run --save write is run here, as a person would run it.
import { spawnSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { fixture } from "../support/fixtures.js";
import { root } from "../support/pwh.js";

const folder = mkdtempSync(join(tmpdir(), "pwh-init-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
copyFileSync(fixture("http-headers/http-headers.wasm"), join(folder, "filter.wasm"));
writeFileSync(join(folder, "package.json"), '{ "private": true, "type": "module" }');
mkdirSync(join(folder, "node_modules"));
symlinkSync(root, join(folder, "node_modules/proxy-wasm-harness"));
symlinkSync(join(root, "node_modules/vitest"), join(folder, "node_modules/vitest"));

function run(command: string, ...args: string[]) {
  const script = join(root, command);
  const env = { ...process.env, NO_COLOR: "1", FORCE_COLOR: "0", VITEST: "", CI: "1" };
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...args], {
    cwd: folder,
    encoding: "utf8",
    env,
    timeout: 60_000,
  });
  return { code: status, out: stdout, err: stderr };
}
const pwh = (...args: string[]) => run("dist/cli/main.js", ...args);
const config = ["-c", '{"header":"x-team","value":"edge"}'];
const scenario = (file: string) => parse(readFileSync(join(folder, file), "utf8")) as any; // oxlint-disable-line typescript/no-explicit-any -- parts of it are checked

describe("pwh init", () => {
  test("writes a scenario, a test and a workflow, which pass; a changed expectation fails", () => {
    const { code, out } = pwh("init", "filter.wasm", ...config);
    expect(code).toBe(0);
    expect(out).toContain(
      "wrote tests/filter.pwh.yaml\nwrote tests/filter.test.ts\nwrote .github/workflows/plugin.yml\n",
    );
    expect(pwh("test", "tests")).toMatchObject({ code: 0 });
    expect(scenario("tests/filter.pwh.yaml").tests[0].expect.upstreamRequest).toEqual({
      headers: { "x-team": "edge" },
    });

    const vitest = run("node_modules/vitest/vitest.mjs", "run", "--root", folder);
    expect(vitest.out).toContain("2 passed");
    expect(vitest.code).toBe(0);

    const steps = (
      parse(readFileSync(join(folder, ".github/workflows/plugin.yml"), "utf8")) as {
        jobs: { test: { steps: { run?: string }[] } };
      }
    ).jobs.test.steps;
    const line = steps.map(({ run: one }) => one ?? "").find((one) => one.startsWith("npx pwh "))!;
    expect(pwh(...line.split(" ").slice(2))).toMatchObject({ code: 0 });
    expect(existsSync(join(folder, "results.xml"))).toBe(true);

    const file = join(folder, "tests/filter.pwh.yaml");
    writeFileSync(file, readFileSync(file, "utf8").replace("x-team: edge", "x-team: core"));
    const changed = run("node_modules/vitest/vitest.mjs", "run", "--root", folder);
    expect(changed.code).toBe(1);
    expect(changed.out + changed.err).toContain('Expected upstream request header x-team to be "core", got "edge"');
  }, 90_000);

  test("keeps files that are there, unless it is forced", () => {
    writeFileSync(join(folder, "tests/filter.pwh.yaml"), "mine");
    const kept = pwh("init", "filter.wasm", ...config);
    expect(kept).toMatchObject({ code: 2 });
    expect(kept.err).toContain("Cannot write tests/filter.pwh.yaml: it is there already; --force replaces it");
    expect(readFileSync(join(folder, "tests/filter.pwh.yaml"), "utf8")).toBe("mine");
    expect(pwh("init", "filter.wasm", ...config, "--force")).toMatchObject({ code: 0 });
    expect(pwh("test", "tests/filter.pwh.yaml")).toMatchObject({ code: 0 });
  });
});

test("pwh run --save writes what was seen, bytes and all", () => {
  writeFileSync(join(folder, "body.bin"), Uint8Array.of(0, 255, 128));
  const args = ["-H", "x-a: b", "-H", "x-a: c", "--body", "@body.bin", "--path", "/p?q=1", "--response-status", "201"];
  expect(pwh("run", "filter.wasm", ...config, ...args, "--save", "saved.pwh.yaml")).toMatchObject({ code: 0 });
  const { tests } = scenario("saved.pwh.yaml");
  expect(tests[0]).toMatchObject({
    name: "POST /p?q=1",
    request: { path: "/p?q=1", body: { base64: "AP+A" } },
    expect: { response: { status: 201 }, upstreamRequest: { headers: { "x-team": "edge" } } },
  });
  expect(tests[0].request.headers).toContainEqual(["x-a", "b"]);
  expect(tests[0].request.headers).toContainEqual(["x-a", "c"]);
  expect(pwh("test", "saved.pwh.yaml")).toMatchObject({ code: 0 });
});

describe("pwh import", () => {
  const har = {
    log: {
      entries: [
        {
          request: {
            method: "GET",
            url: "https://shop.example/cart?access_token=s3cret&page=2",
            headers: [
              { name: "Authorization", value: "Bearer s3cret" },
              { name: "Cookie", value: "sid=s3cret" },
              { name: "X-Team", value: "edge" },
              { name: ":authority", value: "shop.example" },
            ],
          },
          response: {
            status: 404,
            headers: [{ name: "Set-Cookie", value: "sid=s3cret" }],
            content: { text: "AP8=", encoding: "base64" },
          },
        },
        {
          request: {
            method: "POST",
            url: "https://shop.example/login",
            postData: { text: '{"user":"u","password":"s3cret"}', mimeType: "application/json" },
          },
        },
        { request: { method: "GET", url: "data:text/plain,hello" } },
      ],
    },
  };

  test("har: requests and answers, without secrets", () => {
    writeFileSync(join(folder, "session.har"), JSON.stringify(har));
    expect(pwh("import", "har", "session.har", "-p", "filter.wasm", ...config, "-o", "har.pwh.yaml")).toMatchObject({
      code: 0,
    });
    expect(readFileSync(join(folder, "har.pwh.yaml"), "utf8")).not.toContain("s3cret");
    const { tests } = scenario("har.pwh.yaml");
    expect(tests).toHaveLength(2);
    expect(tests[0]).toMatchObject({
      name: "GET /cart",
      request: {
        path: "/cart?access_token=REDACTED&page=2",
        authority: "shop.example",
        scheme: "https",
        headers: { authorization: "Bearer REDACTED", cookie: "REDACTED", "x-team": "edge" },
      },
      upstreams: { web: { status: 404, body: { base64: "AP8=" } } },
      expect: { response: { status: 404 } },
    });
    expect(tests[1].request.body).toBe('{"user":"u","password":"REDACTED"}');
    expect(pwh("test", "har.pwh.yaml")).toMatchObject({ code: 0 });
    expect(pwh("import", "har", "session.har", "-p", "filter.wasm", ...config, "--keep-secrets").out).toContain(
      "s3cret",
    );
  });

  test("curl: as browsers copy it", () => {
    const command = `curl 'https://a.example/x?y=1' \\
  -X PUT -H 'Content-Type: application/x-www-form-urlencoded' -H $'x-q: it\\'s' -b 'sid=s3cret' --compressed \\
  --data-raw 'a=1&password=s3cret'`;
    expect(pwh("import", "curl", command, "-p", "filter.wasm", ...config, "-o", "curl.pwh.yaml")).toMatchObject({
      code: 0,
    });
    expect(scenario("curl.pwh.yaml").tests[0]).toMatchObject({
      name: "PUT /x",
      request: {
        method: "PUT",
        path: "/x?y=1",
        authority: "a.example",
        body: "a=1&password=REDACTED",
        headers: { "x-q": "it's", cookie: "REDACTED" },
      },
    });
    expect(pwh("test", "curl.pwh.yaml")).toMatchObject({ code: 0 });
  });

  test("what cannot be imported is refused by name", () => {
    const claims: [string[], string][] = [
      [["curl", "curl --form a=b http://x/"], "option --form cannot be represented"],
      [["curl", "curl -H 'a: b'"], "it has no URL"],
      [["curl", "curl 'http://x"], "a quote (') is never closed"],
      [["curl", "curl -d @file http://x/"], "-d reads the file file"],
      [["har", "filter.wasm"], "it is no JSON"],
      [["har", "nothing.har"], "Cannot read nothing.har: there is no such file"],
      [["ham", "x"], 'Cannot import "ham" (did you mean "har"?)'],
    ];
    for (const [args, message] of claims) {
      const { code, err } = pwh("import", ...args, "-p", "filter.wasm", ...config);
      expect(err).toContain(message);
      expect(code).toBe(2);
    }
  });
});

import { chmodSync, lstatSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { changed, envoyFilter } from "../lint/examples.js";
import { pwh } from "../support/pwh.js";

const folder = mkdtempSync(join(tmpdir(), "pwh-lint-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const good = file("good.yaml", envoyFilter);
const bad = file("bad.yaml", changed(envoyFilter, ["portNumber: 8080", "port_number: 8080 # the container's"]));

describe("pwh lint", () => {
  test("exits 0 without an error, 1 with one, which it tells with its place", () => {
    expect(pwh(["lint", good])).toMatchObject({ code: 0, err: "" });
    const { code, out, err } = pwh(["lint", bad]);
    expect({ code, err }).toEqual({ code: 1, err: "" });
    expect(out).toContain(`${bad}:18:9 error M-F1 port_number: unknown field (did you mean "portNumber"?)`);
    expect(out).toContain("--fix can mend 1");
  });

  test("--fix mends the file, comments stay", () => {
    const path = file("fix.yaml", readFileSync(bad));
    expect(pwh(["lint", path, "--fix"])).toMatchObject({ code: 0, err: "pwh lint: mended 1\n" });
    expect(readFileSync(path, "utf8")).toBe(
      changed(envoyFilter, ["portNumber: 8080", "portNumber: 8080 # the container's"]),
    );
  });

  test("--fix keeps a byte order mark, line ends, the mode and a link", () => {
    const text = `\uFEFF${readFileSync(bad, "utf8").replaceAll("\n", "\r\n")}`;
    const path = file("windows.yaml", text);
    chmodSync(path, 0o640);
    const link = join(folder, "link.yaml");
    symlinkSync(path, link);
    expect(pwh(["lint", link, "--fix"])).toMatchObject({ code: 0 });
    expect(readFileSync(path, "utf8")).toBe(text.replace("port_number", "portNumber"));
    expect(statSync(path).mode & 0o777).toBe(0o640);
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
  });

  test("--rules lists them; --off turns them off, with commas too", () => {
    expect(pwh(["lint", "--rules"]).out).toMatch(/^ {2}M-F1 +error /m);
    expect(pwh(["lint", bad, "--off", "M-N5,M-F1"])).toMatchObject({ code: 0 });
  });

  test.each(["--json", "--sarif"])("%s prints JSON", (flag) => {
    const { code, out } = pwh(["lint", bad, flag]);
    expect(code).toBe(1);
    expect(JSON.parse(out)).toBeTypeOf("object");
  });

  test.each([
    ["an empty file", file("empty.yaml", ""), "M-Y3 There is no object in this file"],
    ["a module", "fixtures/http-headers/http-headers.wasm", "M-Y1 This is data that begin with 0061736d, no YAML"],
    ["gzip", file("a.gz", Buffer.from("1f8b08000000", "hex")), "M-Y1 This is a gzip file, no YAML"],
    [
      "text that is no UTF-8",
      file("latin1.yaml", Buffer.from([0x61, 0xff, 0x0a])),
      "M-Y1 This is text that is not UTF-8, no YAML",
    ],
    ["prose", file("prose.yaml", "just some words\n"), "M-Y1 This is a string, no object with apiVersion and kind"],
    ["broken YAML", file("broken.yaml", "a: [1\nb: {\n"), "M-Y1 "],
  ])("says what is wrong with %s", (_what, path, wanted) => {
    const { code, out, err } = pwh(["lint", path]);
    expect({ code, err }).toEqual({ code: 1, err: "" });
    expect(out).toContain(wanted);
  });

  test("YAML that is not ours is a warning", () => {
    const { code, out } = pwh(["lint", file("compose.yaml", "services: {}\n")]);
    expect(code).toBe(0);
    expect(out).toContain("warning M-Y4 This is an object without a kind, which is not checked");
  });

  test.each([
    [["lint"], /^pwh: Cannot lint: name the files/],
    [["lint", "nowhere.yaml"], /^pwh: Cannot read nowhere\.yaml: there is no such file/],
    [["lint", "src"], /^pwh: Cannot read src: it is a directory/],
    [["lint", good, "--module", "nowhere.wasm"], /^pwh: Cannot read nowhere\.wasm/],
    [["lint", good, "--off", "M-Q1"], /^pwh: Cannot turn off "M-Q1"/],
    [["lint", good, "--istio", "new"], /^pwh: Cannot check for Istio "new"/],
    [["lint", good, "--json", "--sarif"], /^pwh: Cannot use --json and --sarif: choose one/],
    [["lint", "/dev/null", "--fix"], /^pwh: Cannot mend \/dev\/null: it is no file/],
    [["lint", good, "--fxi"], /^pwh: Unknown option --fxi \(did you mean "--fix"\?\)/],
  ])("%j is a wrong command", (args, wanted) => {
    const { code, out, err } = pwh(args);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toMatch(wanted);
  });
});

// Ctrl-C while the parts run that heed no signal: what they find is not written.
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test, vi } from "vitest";
import { benchCommand } from "../../src/cli/bench.js";

const folder = mkdtempSync(join(tmpdir(), "pwh-bench-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

vi.mock("../../src/bench/bench.js", async (original) => {
  const { bench } = await original<typeof import("../../src/bench/bench.js")>();
  const interrupted: typeof bench = async (source, options) => {
    const result = await bench(source, options);
    process.emit("SIGINT");
    return result;
  };
  return { bench: interrupted };
});

test("Ctrl-C after the rounds writes no file and reports nothing", async () => {
  const out = vi.spyOn(process.stdout, "write").mockReturnValue(true);
  try {
    const args = { file: "fixtures/bench/plain.wasm", rounds: "5", "round-ms": "2" };
    const places = { "save-baseline": join(folder, "base.json"), html: join(folder, "report.html") };
    await expect(benchCommand.run({ ...args, ...places })).rejects.toThrow(
      "Stopped before the measurement was complete",
    );
    expect(out).not.toHaveBeenCalled();
    expect(readdirSync(folder)).toEqual([]);
  } finally {
    out.mockRestore();
  }
});

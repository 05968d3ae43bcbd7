// Every broken file says in its first line where it is wrong and how the message begins. The whole messages are a snapshot.
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import type { HarnessError } from "../../src/errors.js";
import { readScenarioFile } from "../../src/scenario/read.js";

const folder = fileURLToPath(new URL("broken/", import.meta.url));
const files = readdirSync(folder).filter((file) => file.endsWith(".pwh.yaml"));

/** All lines of the error, without the folder. */
async function problemsOf(file: string): Promise<string[]> {
  const error = (await readScenarioFile(folder + file).catch((thrown: unknown) => thrown)) as HarnessError;
  expect(error).toMatchObject({ name: "HarnessError", code: "SCENARIO_INVALID" });
  return [error.message, ...error.details].map((line) => line.replaceAll(folder, ""));
}

test("there are more than forty", () => {
  expect(files.length).toBeGreaterThan(40);
});

describe("broken scenario files", () => {
  test.each(files)("%s", async (file) => {
    const [, line, column, wanted] = /^#! (\d+):(\d+) (.*)$/m.exec(readFileSync(folder + file, "utf8"))!;
    const [first] = await problemsOf(file);
    expect(first).toContain(`${file}:${line}:${column}: ${wanted}`);
  });

  test("each has a message of its own", async () => {
    const all = await Promise.all(files.map(problemsOf));
    const messages = all.map((lines) => lines[0]!.replace(/^\S+: /, ""));
    expect(messages.filter((one, i) => messages.indexOf(one) !== i)).toEqual([]);
    await expect(`${all.map((lines) => lines.join("\n")).join("\n\n")}\n`).toMatchFileSnapshot("broken/messages.txt");
  });
});

import { readdirSync, readFileSync } from "node:fs";
import { envoyError } from "./errors.js";

/** CPU that the only worker of an Envoy has used. */
export interface WorkerClock {
  /** `schedstat` counts nanoseconds, `stat` hundredths of a second. */
  readonly source: "schedstat" | "stat";
  /** Microseconds until now. */
  read(): number;
}

/** @throws {HarnessError} ENVOY_UNUSABLE where the system does not tell a thread's CPU: it is not Linux, or hides it. */
export function workerClock(pid: number): WorkerClock {
  try {
    const tasks = `/proc/${pid}/task`;
    const id = readdirSync(tasks).find((one) => readFileSync(`${tasks}/${one}/comm`, "utf8").startsWith("wrk:"));
    if (id === undefined) throw new Error("no thread is called wrk:worker_0");
    const nanoseconds = (): number => Number(readFileSync(`${tasks}/${id}/schedstat`, "utf8").split(" ")[0]);
    try {
      if (nanoseconds() > 0) return { source: "schedstat", read: () => nanoseconds() / 1000 };
    } catch {
      // a kernel without it
    }
    const read = (): number => {
      // the name in parentheses may have spaces: what is counted follows it
      const fields = readFileSync(`${tasks}/${id}/stat`, "utf8")
        .replace(/^.*\) /s, "")
        .split(" ");
      return (Number(fields[11]) + Number(fields[12])) * 10_000;
    };
    read();
    return { source: "stat", read };
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    throw envoyError("ENVOY_UNUSABLE", `Cannot read the CPU of Envoy's worker from /proc: ${why}`, { cause: thrown });
  }
}

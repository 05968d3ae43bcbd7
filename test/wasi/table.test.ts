// The 45 functions with their types and the numbers they answer. proxy-wasm-abi.md §4.14
import { describe, expect, test } from "vitest";
import { relay } from "../../src/harness/relay.js";
import { wasmParams } from "../../src/vm/import-function.js";
import { wasiFunctions, wasiModules } from "../../src/wasi/index.js";
import { end, Errno, inBothModules } from "./support.js";

/** Types as the reference writes them: i is i32, I is i64; the result is i32, "-" none. */
const types: Readonly<Record<string, string>> = {
  fd_write: "iiii",
  fd_pwrite: "iiiIi",
  fd_read: "iiii",
  fd_pread: "iiiIi",
  fd_seek: "iIii",
  fd_close: "i",
  fd_fdstat_get: "ii",
  fd_fdstat_set_flags: "ii",
  fd_fdstat_set_rights: "iII",
  fd_filestat_get: "ii",
  fd_filestat_set_size: "iI",
  fd_filestat_set_times: "iIIi",
  fd_advise: "iIIi",
  fd_allocate: "iII",
  fd_datasync: "i",
  fd_sync: "i",
  fd_tell: "ii",
  fd_readdir: "iiiIi",
  fd_renumber: "ii",
  fd_prestat_get: "ii",
  fd_prestat_dir_name: "iii",
  path_open: "iiiiiIIii",
  path_filestat_get: "iiiii",
  path_filestat_set_times: "iiiiIIi",
  path_create_directory: "iii",
  path_remove_directory: "iii",
  path_unlink_file: "iii",
  path_rename: "iiiiii",
  path_link: "iiiiii",
  path_symlink: "iiii",
  path_readlink: "iiiiii",
  environ_sizes_get: "ii",
  environ_get: "ii",
  args_sizes_get: "ii",
  args_get: "ii",
  clock_time_get: "iIi",
  clock_res_get: "ii",
  random_get: "ii",
  sched_yield: "",
  poll_oneoff: "iiii",
  proc_exit: "i-",
  sock_accept: "iii",
  sock_recv: "iiiiii",
  sock_send: "iiiii",
  sock_shutdown: "ii",
};

describe("the table", () => {
  test("has 45 functions", () => {
    expect(Object.keys(types)).toHaveLength(45);
    expect([...wasiFunctions.keys()].sort()).toEqual(Object.keys(types).sort());
  });

  test.each(Object.entries(types))("%s has type (%s)", (name, type) => {
    const descriptor = wasiFunctions.get(name)!;
    const letters = wasmParams(descriptor).map((one) => (one === "i32" ? "i" : "I"));
    expect(letters.join("") + (descriptor.result === "none" ? "-" : "")).toBe(type);
  });

  test("two modules have them", () => {
    expect(wasiModules).toEqual(["wasi_snapshot_preview1", "wasi_unstable"]);
  });
});

/** Functions that answer one number whatever they are given, and write nothing. */
const constants: Readonly<Record<string, number>> = {
  fd_read: Errno.nosys,
  fd_pread: Errno.nosys,
  fd_seek: 0,
  fd_close: 0,
  fd_fdstat_set_flags: Errno.nosys,
  fd_filestat_get: Errno.badf,
  fd_advise: 0,
  fd_prestat_get: Errno.badf,
  fd_prestat_dir_name: Errno.nosys,
  path_open: Errno.noent,
  path_filestat_get: Errno.notsup,
  path_filestat_set_times: Errno.notsup,
  path_create_directory: Errno.notsup,
  path_remove_directory: Errno.notsup,
  path_unlink_file: Errno.notsup,
  path_rename: Errno.notsup,
  path_link: Errno.notsup,
  path_symlink: Errno.notsup,
  args_get: 0,
  sched_yield: 0,
  sock_shutdown: Errno.notsup,
};
/** Functions that know file descriptors 1 and 2 alone. */
const outputsOnly = [
  "fd_fdstat_set_rights",
  "fd_filestat_set_size",
  "fd_filestat_set_times",
  "fd_allocate",
  "fd_datasync",
  "fd_sync",
];
/** What is written, and where: positions of out pointers with how many zero bytes go there. */
const zeros: Readonly<
  Record<string, { errno: number; outs: readonly (readonly [position: number, bytes: number])[] }>
> = {
  fd_readdir: { errno: Errno.notdir, outs: [[4, 4]] },
  path_readlink: { errno: Errno.notsup, outs: [[5, 4]] },
  args_sizes_get: {
    errno: 0,
    outs: [
      [0, 4],
      [1, 4],
    ],
  },
  poll_oneoff: { errno: 0, outs: [[3, 4]] },
  sock_accept: { errno: Errno.notsup, outs: [[2, 8]] },
  sock_recv: {
    errno: Errno.notsup,
    outs: [
      [4, 4],
      [5, 2],
    ],
  },
  sock_send: { errno: Errno.notsup, outs: [[4, 4]] },
};

inBothModules("answers", (as) => {
  test.each(Object.entries(constants))(
    "%s answers %i, whatever it is given, and writes nothing",
    async (name, errno) => {
      const guest = await relay();
      const params = wasmParams(wasiFunctions.get(name)!).length;
      for (const value of [0, 1, 2, 100, end, -1]) {
        const args = Array.from({ length: params }, () => value);
        expect(guest.call(as(name), ...args), `all ${value}`).toBe(errno);
      }
      expect(guest.text(0, 32_768)).toBe("?".repeat(32_768));
      expect(guest.vm.failed).toBe(false);
    },
  );

  test.each(outputsOnly)("%s answers 0 to file descriptors 1 and 2, else 8", async (name) => {
    const guest = await relay();
    const answers = [0, 1, 2, 3, -1].map((fd) => guest.call(as(name), fd, 5, 5, 5));
    expect(answers).toEqual([8, 0, 0, 8, 8]);
  });

  test.each(Object.entries(zeros))("%s writes zeros", async (name, { errno, outs }) => {
    const guest = await relay();
    const args = Array.from({ length: types[name]!.length }, () => 0);
    for (const [i, [position]] of outs.entries()) args[position] = 101 + 16 * i;
    expect(guest.call(as(name), ...args)).toBe(errno);
    for (const [i, [, bytes]] of outs.entries()) {
      expect(guest.text(100 + 16 * i, bytes + 2)).toBe(`?${"\0".repeat(bytes)}?`);
    }
    for (const [position, bytes] of outs) {
      for (const address of [end - bytes + 1, end, -1]) {
        expect(guest.call(as(name), ...args.with(position, address)), `${position}: ${address}`).toBe(Errno.fault);
      }
      expect(guest.call(as(name), ...args.with(position, end - bytes))).toBe(errno);
    }
  });

  test.each([
    [1, 2, Errno.notsup],
    [2, 2, Errno.notsup],
    [1, 3, Errno.badf],
    [0, 1, Errno.badf],
  ])("fd_renumber(%i, %i) answers %i", async (from, to, errno) => {
    const guest = await relay();
    expect(guest.call(as("fd_renumber"), from, to)).toBe(errno);
  });
});

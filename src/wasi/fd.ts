import { limits } from "../abi/limits.js";
import { HarnessError } from "../errors.js";
import type { GuestMemory } from "../vm/memory.js";
import { address, i32, i64, returnU32, returnU64, u32 } from "../vm/parameters.js";
import type { WasiScope } from "./wasi-function.js";
import { constant, Errno, isOutput, wasi } from "./wasi-function.js";

const newline = 0x0a;

/** Joins the pieces, cuts one newline at the end, and logs one record: fd 1 at info, fd 2 at error. [H] */
function write(scope: WasiScope, fd: number, vectors: number, count: number): number | { readonly written: number } {
  if (!isOutput(fd)) return Errno.BadFd;
  const bytes = gather(scope.memory, vectors, count);
  if (bytes.length > 0) {
    const end = bytes.at(-1) === newline ? bytes.length - 1 : bytes.length;
    scope.wasi.write(fd, bytes.subarray(0, end));
  }
  return { written: bytes.length };
}

/** The bytes of `count` vectors; an empty one's address is not looked at. */
function gather(memory: GuestMemory, vectors: number, count: number): Uint8Array {
  let total = 0;
  for (let i = 0; i < count; i++) {
    const size = memory.readU32(vectors + 8 * i + 4);
    if (size > 0) memory.view(memory.readU32(vectors + 8 * i), size); // its address must be good
    total += size;
  }
  if (total > limits.writeBytes) {
    throw new HarnessError(
      "LIMIT_EXCEEDED",
      `Guest exceeded a limit of the harness: writeBytes ${total}, at most ${limits.writeBytes}`,
    );
  }
  const bytes = new Uint8Array(total);
  let at = 0;
  for (let i = 0; i < count; i++) {
    const size = memory.readU32(vectors + 8 * i + 4);
    if (size > 0) bytes.set(memory.view(memory.readU32(vectors + 8 * i), size), at);
    at += size;
  }
  return bytes;
}

/** Joins the vectors and logs one record: file descriptor 1 at info, 2 at error, others are EBADF. [H] */
export const fdWrite = wasi(
  "fd_write",
  { fd: i32, vectors: address, count: u32, written: returnU32 },
  (scope, { fd, vectors, count }) => write(scope, fd, vectors, count),
  { start: true, allocator: true },
);

/** As `fd_write`; the offset is ignored. [H] */
export const fdPwrite = wasi(
  "fd_pwrite",
  { fd: i32, vectors: address, count: u32, offset: i64, written: returnU32 },
  (scope, { fd, vectors, count }) => write(scope, fd, vectors, count),
);

export const fdRead = constant("fd_read", { fd: i32, vectors: address, count: u32, read: address }, Errno.NoSys, {});
export const fdPread = constant(
  "fd_pread",
  { fd: i32, vectors: address, count: u32, offset: i64, read: address },
  Errno.NoSys,
);

/** Moves nothing: [H] logs at trace level and answers success. */
export const fdSeek = wasi(
  "fd_seek",
  { fd: i32, offset: i64, whence: u32, position: address },
  ({ wasi: w }, { fd }) => {
    w.note(`fd_seek(${fd})`);
    return Errno.Success;
  },
  {},
);

/** Closes nothing. wasi-js would close the descriptor of the process that runs the tests. */
export const fdClose = wasi(
  "fd_close",
  { fd: i32 },
  ({ wasi: w }, { fd }) => {
    w.note(`fd_close(${fd})`);
    return Errno.Success;
  },
  {},
);

/** 24 bytes: type and flags 0, the right to write, nothing to inherit. A bad address is ignored. [H] */
export const fdFdstatGet = wasi("fd_fdstat_get", { fd: i32, stat: address }, ({ memory }, { fd, stat }) => {
  if (!isOutput(fd)) return Errno.BadFd;
  if (stat + 24 <= memory.size) {
    memory.writeU64(stat, 0n);
    memory.writeU64(stat + 8, 64n);
    memory.writeU64(stat + 16, 0n);
  }
  return Errno.Success;
});

export const fdFdstatSetFlags = constant("fd_fdstat_set_flags", { fd: i32, flags: u32 }, Errno.NoSys);
export const fdFilestatGet = constant("fd_filestat_get", { fd: i32, stat: address }, Errno.BadFd);
/** EBADF tells a C library that there are no directories. */
export const fdPrestatGet = constant("fd_prestat_get", { fd: i32, prestat: address }, Errno.BadFd);
export const fdPrestatDirName = constant("fd_prestat_dir_name", { fd: i32, path: address, size: u32 }, Errno.NoSys);
export const fdAdvise = constant("fd_advise", { fd: i32, offset: i64, size: i64, advice: u32 }, Errno.Success);

const outputOnly = ({ fd }: { readonly fd: number }): number => (isOutput(fd) ? Errno.Success : Errno.BadFd);

/** Does nothing: success for the standard outputs, EBADF for everything else. [H] */
export const fdFdstatSetRights = wasi("fd_fdstat_set_rights", { fd: i32, base: i64, inheriting: i64 }, (_, a) =>
  outputOnly(a),
);
/** Does nothing: success for the standard outputs, EBADF for everything else. [H] */
export const fdFilestatSetSize = wasi("fd_filestat_set_size", { fd: i32, size: i64 }, (_, a) => outputOnly(a));
/** Does nothing: success for the standard outputs, EBADF for everything else. [H] */
export const fdFilestatSetTimes = wasi(
  "fd_filestat_set_times",
  { fd: i32, accessed: i64, modified: i64, flags: u32 },
  (_, a) => outputOnly(a),
);
/** Does nothing: success for the standard outputs, EBADF for everything else. [H] */
export const fdAllocate = wasi("fd_allocate", { fd: i32, offset: i64, size: i64 }, (_, a) => outputOnly(a));
/** Does nothing: success for the standard outputs, EBADF for everything else. [H] */
export const fdDatasync = wasi("fd_datasync", { fd: i32 }, (_, a) => outputOnly(a));
/** Does nothing: success for the standard outputs, EBADF for everything else. [H] */
export const fdSync = wasi("fd_sync", { fd: i32 }, (_, a) => outputOnly(a));

/** Writes 0 for the standard outputs; EBADF for everything else. [H] */
export const fdTell = wasi("fd_tell", { fd: i32, position: returnU64 }, (_, { fd }) =>
  isOutput(fd) ? { position: 0n } : Errno.BadFd,
);

/** [H] answers 20, meant as "not a directory", which in WASI's numbers is "exists". */
export const fdReaddir = wasi(
  "fd_readdir",
  { fd: i32, buffer: address, size: u32, cookie: i64, used: returnU32 },
  () => ({ status: Errno.Exist, used: 0 }),
);

/** Not supported between the standard outputs; EBADF where one of the two is something else. [H] */
export const fdRenumber = wasi("fd_renumber", { from: i32, to: i32 }, (_, { from, to }) =>
  isOutput(from) && isOutput(to) ? Errno.NotSupported : Errno.BadFd,
);

import { address, i32, i64, returnU32, u32 } from "../vm/parameters.js";
import { constant, Errno, wasi } from "./wasi-function.js";

const path = { path: address, size: u32 };

export const pathOpen = constant(
  "path_open",
  { fd: i32, lookup: u32, ...path, flags: u32, base: i64, inheriting: i64, fdflags: u32, opened: address },
  Errno.NoEntry,
  {},
);
export const pathFilestatGet = constant(
  "path_filestat_get",
  { fd: i32, lookup: u32, ...path, stat: address },
  Errno.NotSupported,
);
export const pathFilestatSetTimes = constant(
  "path_filestat_set_times",
  { fd: i32, lookup: u32, ...path, accessed: i64, modified: i64, flags: u32 },
  Errno.NotSupported,
);
export const pathCreateDirectory = constant("path_create_directory", { fd: i32, ...path }, Errno.NotSupported);
export const pathRemoveDirectory = constant("path_remove_directory", { fd: i32, ...path }, Errno.NotSupported);
export const pathUnlinkFile = constant("path_unlink_file", { fd: i32, ...path }, Errno.NotSupported);

const rename = { fd: i32, ...path, newFd: i32, newPath: address, newSize: u32 };
export const pathRename = constant("path_rename", rename, Errno.NotSupported);

/** [H] has 6 parameters where the standard has 7: a standard module that imports it does not load in Envoy. */
export const pathLink = constant("path_link", rename, Errno.NotSupported);
/** [H] has 4 parameters where the standard has 5. */
export const pathSymlink = constant("path_symlink", { ...path, fd: i32, newPath: address }, Errno.NotSupported);

/** Writes 0 as the size and answers that it is not supported. [H] */
export const pathReadlink = wasi(
  "path_readlink",
  { fd: i32, ...path, buffer: address, room: u32, used: returnU32 },
  () => ({ status: Errno.NotSupported, used: 0 }),
);

import { Status } from "../../abi/enums.js";
import type { Behaviour } from "../../host/behaviour.js";

/** Envoy 1.40, the newest that was recorded. */
export const envoy140: Behaviour = {
  source: "Envoy 1.40.0",
  allocators: ["malloc", "proxy_on_memory_allocate"],
  linksOtherVersions: false,
  wasiFunctions: undefined,
  counterIncrementByZero: Status.BadArgument,
  backtraceFrames: 20,
};

/** WASI functions of the oldest hosts; later ones added. Deployment reference, section 10. */
export const wasi2020 = [
  "fd_write",
  "fd_read",
  "fd_seek",
  "fd_close",
  "fd_fdstat_get",
  "environ_get",
  "environ_sizes_get",
  "args_get",
  "args_sizes_get",
  "clock_time_get",
  "random_get",
  "proc_exit",
] as const;
export const wasi2021 = [...wasi2020, "path_open", "fd_prestat_get", "fd_prestat_dir_name"] as const;
export const wasi2024 = [...wasi2021, "sched_yield", "poll_oneoff", "fd_fdstat_set_flags"] as const;

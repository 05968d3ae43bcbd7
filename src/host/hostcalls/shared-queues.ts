import { Status } from "../../abi/enums.js";
import { limits } from "../../abi/limits.js";
import { blob, returnBytes, returnU32, text, u32 } from "../../vm/parameters.js";
import { hostcall } from "../hostcall.js";

/**
 * Makes a queue, or opens the one of that name again; the acting root is the one told of new items from now on.
 * INVALID_MEMORY_ACCESS. [S] v0.2.1 #proxy_register_shared_queue [H]
 */
export const proxyRegisterSharedQueue = hostcall(
  { name: "proxy_register_shared_queue", params: { name: text, queue: returnU32 } },
  (call, { name }) => {
    const root = call.acting.root;
    if (root === undefined) return Status.InternalFailure;
    const known = call.process.queues.resolve(call.settings.vmId, name) !== undefined;
    call.checkLimit("queues", call.process.queues.count + (known ? 0 : 1), limits.queues);
    return { queue: call.process.queues.register(call.settings.vmId, name, call.queueOwner(root)) };
  },
);

/** The queue of that name and vm_id; an empty vm_id is one's own. NOT_FOUND; INVALID_MEMORY_ACCESS. [H] */
export const proxyResolveSharedQueue = hostcall(
  { name: "proxy_resolve_shared_queue", params: { vm_id: text, name: text, queue: returnU32 } },
  (call, { vm_id: vmId, name }) => {
    const queue = call.process.queues.resolve(vmId === "" ? call.settings.vmId : vmId, name);
    return queue === undefined ? Status.NotFound : { queue };
  },
);

/** Appends an item; the owner gets one `proxy_on_queue_ready` for it, never at once. NOT_FOUND; INVALID_MEMORY_ACCESS. */
export const proxyEnqueueSharedQueue = hostcall(
  { name: "proxy_enqueue_shared_queue", params: { queue: u32, item: blob } },
  (call, { queue, item }) => {
    call.checkLimit("queueItems", call.process.queues.size(queue) + 1, limits.queueItems);
    call.checkLimit("queueBytes", call.process.queues.bytes(queue) + item.length, limits.queueBytes);
    const owner = call.process.queues.enqueue(queue, item);
    if (owner === undefined) return Status.NotFound;
    call.process.clock.schedule(0, () => owner.queueReady(queue));
    return Status.Ok;
  },
);

/** Removes and returns the first item. NOT_FOUND, EMPTY; INVALID_MEMORY_ACCESS, and the item is lost. [H] */
export const proxyDequeueSharedQueue = hostcall(
  { name: "proxy_dequeue_shared_queue", params: { queue: u32, item: returnBytes } },
  (call, { queue }) => {
    const item = call.process.queues.dequeue(queue);
    if (item === undefined) return Status.NotFound;
    return item === "empty" ? Status.Empty : { item };
  },
);

import { MetricType, Status } from "../../abi/enums.js";
import { limits } from "../../abi/limits.js";
import { i64, returnU32, returnU64, text, u32, u64 } from "../../vm/parameters.js";
import { hostcall } from "../hostcall.js";
import { VmMetrics } from "../services/metrics.js";

/**
 * Defines a metric: 0 counter, 1 gauge, 2 histogram. Every call gives a new id, also for a name that has one.
 * INVALID_MEMORY_ACCESS, checked before the type; BAD_ARGUMENT for types above 2. [S] v0.2.1 #proxy_define_metric [E]
 */
export const proxyDefineMetric = hostcall(
  { name: "proxy_define_metric", params: { type: u32, name: text, metric: returnU32 } },
  (call, { type, name }) => {
    if (type > MetricType.Histogram) return Status.BadArgument;
    call.checkLimit("metrics", call.metrics.count + 1, limits.metrics);
    return { metric: call.metrics.define(type as MetricType, name) };
  },
);

/**
 * Adds to a counter, or to a gauge (which goes down for a negative delta).
 * BAD_ARGUMENT for a counter and a delta below 1 [E], and for histograms; NOT_FOUND. [S] #proxy_increment_metric
 */
export const proxyIncrementMetric = hostcall(
  { name: "proxy_increment_metric", params: { metric: u32, delta: i64 } },
  (call, { metric: id, delta }) => {
    const type = VmMetrics.typeOf(id);
    if (type === undefined || type === MetricType.Histogram) return Status.BadArgument;
    const metric = call.metrics.get(id);
    if (metric === undefined) return Status.NotFound;
    if (type === MetricType.Counter && delta < 0n) return Status.BadArgument;
    if (type === MetricType.Counter && delta === 0n) return call.behaviour.counterIncrementByZero;
    metric.value = BigInt.asUintN(64, metric.value + delta);
    metric.used = true;
    return Status.Ok;
  },
);

/** Adds to a counter, sets a gauge, records a sample. NOT_FOUND. [S] v0.2.1 #proxy_record_metric [E] */
export const proxyRecordMetric = hostcall(
  { name: "proxy_record_metric", params: { metric: u32, value: u64 } },
  (call, { metric: id, value }) => {
    const metric = VmMetrics.typeOf(id) === undefined ? undefined : call.metrics.get(id);
    if (metric === undefined) return Status.NotFound;
    metric.used = true;
    if (metric.type === MetricType.Counter) metric.value = BigInt.asUintN(64, metric.value + value);
    else if (metric.type === MetricType.Gauge) metric.value = value;
    else metric.samples.push(value);
    return Status.Ok;
  },
);

/** The value of a counter or gauge. BAD_ARGUMENT for histograms; NOT_FOUND; INVALID_MEMORY_ACCESS. [S] [E] */
export const proxyGetMetric = hostcall(
  { name: "proxy_get_metric", params: { metric: u32, value: returnU64 } },
  (call, { metric: id }) => {
    const type = VmMetrics.typeOf(id);
    if (type === undefined || type === MetricType.Histogram) return Status.BadArgument;
    const metric = call.metrics.get(id);
    return metric === undefined ? Status.NotFound : { value: metric.value };
  },
);

import type {
  Attributes,
  BatchObservableCallback,
  Meter,
  MeterProvider,
  MetricOptions,
  Observable,
  Span,
  SpanOptions,
  SpanStatus,
  TimeInput,
  Tracer,
  TracerProvider,
} from '@opentelemetry/api';
import { createNoopMeter, INVALID_SPAN_CONTEXT } from '@opentelemetry/api';

/** What a reader gets of an instrument when it collects. */
export interface Collected extends MetricOptions {
  readonly name: string;
  readonly kind: 'counter' | 'gauge';
  readonly points: readonly { readonly value: number; readonly attributes: Attributes }[];
}

class Instrument implements Observable {
  readonly name: string;
  readonly kind: Collected['kind'];
  readonly options: MetricOptions;

  constructor(name: string, kind: Collected['kind'], options: MetricOptions) {
    this.name = name;
    this.kind = kind;
    this.options = options;
  }

  addCallback(): void {
    throw new Error('Each instrument would collect by itself.');
  }

  removeCallback(): void {
    throw new Error('There is no callback of an instrument.');
  }
}

/**
 * A provider of meters with a reader in memory, as far as the SDK's specification goes for observable instruments: names
 * are checked, an instrument that was made twice is refused, a callback may observe only those that it was added with.
 */
export class RecordedMeters implements MeterProvider {
  readonly asked: string[] = [];
  readonly #instruments: Instrument[] = [];
  readonly #callbacks: { readonly run: BatchObservableCallback; readonly of: readonly Observable[] }[] = [];

  getMeter(name: string): Meter {
    this.asked.push(name);
    return {
      ...meterOf(createNoopMeter()),
      createObservableCounter: (each, options) => this.#add(each, 'counter', options),
      createObservableGauge: (each, options) => this.#add(each, 'gauge', options),
      addBatchObservableCallback: (run, of) => {
        this.#callbacks.push({ run, of });
      },
      removeBatchObservableCallback: (run) => {
        const at = this.#callbacks.findIndex((each) => each.run === run);
        if (at >= 0) this.#callbacks.splice(at, 1);
      },
    };
  }

  /** Asks all callbacks, as the reader of an exporter does. */
  async collect(): Promise<readonly Collected[]> {
    const points = new Map<Observable, { value: number; attributes: Attributes }[]>();
    for (const { run, of } of this.#callbacks)
      await run({
        observe(instrument, value, attributes = {}) {
          if (!of.includes(instrument)) throw new Error('This instrument does not belong to the callback.');
          points.set(instrument, [...(points.get(instrument) ?? []), { value, attributes }]);
        },
      });
    return this.#instruments.map((each) => ({
      ...each.options,
      name: each.name,
      kind: each.kind,
      points: points.get(each) ?? [],
    }));
  }

  #add(name: string, kind: Collected['kind'], options: MetricOptions = {}): Observable {
    if (!/^[A-Za-z][A-Za-z0-9_./-]{0,254}$/.test(name))
      throw new Error(`${name} is no name of an instrument.`);
    if (this.#instruments.some((each) => each.name === name)) throw new Error(`${name} was made twice.`);
    const instrument = new Instrument(name, kind, options);
    this.#instruments.push(instrument);
    return instrument;
  }
}

/** A meter's methods are those of its class, which a spread would lose. */
function meterOf(meter: Meter): Meter {
  return {
    createGauge: (...given) => meter.createGauge(...given),
    createHistogram: (...given) => meter.createHistogram(...given),
    createCounter: (...given) => meter.createCounter(...given),
    createUpDownCounter: (...given) => meter.createUpDownCounter(...given),
    createObservableGauge: (...given) => meter.createObservableGauge(...given),
    createObservableCounter: (...given) => meter.createObservableCounter(...given),
    createObservableUpDownCounter: (...given) => meter.createObservableUpDownCounter(...given),
    addBatchObservableCallback: (...given) => {
      meter.addBatchObservableCallback(...given);
    },
    removeBatchObservableCallback: (...given) => {
      meter.removeBatchObservableCallback(...given);
    },
  };
}

/** A span that keeps what it is told. */
export class RecordedSpan implements Span {
  readonly name: string;
  readonly attributes: Attributes = {};
  readonly events: { readonly name: string; readonly attributes: Attributes }[] = [];
  status: SpanStatus | null = null;
  ended = 0;

  constructor(name: string, { attributes = {} }: SpanOptions) {
    this.name = name;
    this.setAttributes(attributes);
  }

  spanContext(): typeof INVALID_SPAN_CONTEXT {
    return INVALID_SPAN_CONTEXT;
  }

  setAttribute(key: string, value: Attributes[string]): this {
    return this.setAttributes({ [key]: value });
  }

  setAttributes(attributes: Attributes): this {
    if (this.ended > 0) throw new Error('The span has ended.');
    Object.assign(this.attributes, attributes);
    return this;
  }

  addEvent(name: string, attributes: Attributes | TimeInput = {}): this {
    if (this.ended > 0) throw new Error('The span has ended.');
    this.events.push({ name, attributes: attributes as Attributes });
    return this;
  }

  setStatus(status: SpanStatus): this {
    this.status = status;
    return this;
  }

  end(): void {
    this.ended += 1;
  }

  isRecording(): boolean {
    return this.ended === 0;
  }

  addLink(): this {
    return this;
  }

  addLinks(): this {
    return this;
  }

  updateName(): this {
    return this;
  }

  recordException(): void {
    throw new Error('Exceptions have stacks, which tell more than a span should.');
  }
}

/** A provider of tracers that keeps the spans. */
export class RecordedTraces implements TracerProvider {
  readonly spans: RecordedSpan[] = [];

  getTracer(): Tracer {
    return {
      startSpan: (name, options = {}) => {
        const span = new RecordedSpan(name, options);
        this.spans.push(span);
        return span;
      },
      startActiveSpan: () => {
        throw new Error('A span of an engine is not active: whatever else happens does not belong to it.');
      },
    };
  }
}

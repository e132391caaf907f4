import { setTimeout as sleep } from 'node:timers/promises';
import type { Chain } from '../../src/index.js';
import { Balancer } from './balancer.js';
import { FleetProducer } from './producer.js';
import { WatchedFollower } from './watched-follower.js';

/** A server on a reader of the store. */
export interface Instance {
  readonly port: number;
  stop(): Promise<void>;
}

/** What a fleet is made of. */
export interface FleetOptions {
  readonly writer: Chain;
  /** Where each instance reads the store: of servers that are behind each other. */
  readonly databasePorts: readonly number[];
  readonly followers: number;
  /** Starts an instance that reaches the database at a port. */
  start(databasePort: number): Promise<Instance>;
}

const WAIT_MS = 60_000;

/** Servers that lag behind each other, a balancer before them, and those who follow through it. */
export class Fleet {
  readonly producer: FleetProducer;
  readonly balancer: Balancer;
  readonly followers: readonly WatchedFollower[];
  readonly #options: FleetOptions;
  readonly #instances: Instance[];

  private constructor(options: FleetOptions, balancer: Balancer, instances: Instance[]) {
    this.#options = options;
    this.#instances = instances;
    this.balancer = balancer;
    this.producer = new FleetProducer(options.writer);
    this.followers = Array.from(
      { length: options.followers },
      () => new WatchedFollower(`${balancer.url}/sync`),
    );
  }

  static async start(options: FleetOptions): Promise<Fleet> {
    const balancer = await Balancer.start();
    const instances = await Promise.all(options.databasePorts.map((port) => options.start(port)));
    for (const { port } of instances) balancer.add(port);
    return new Fleet(options, balancer, instances);
  }

  /** Resolves when all followers have the writer's head. @throws Error naming those that don't */
  async settled(): Promise<void> {
    const end = performance.now() + WAIT_MS;
    const isBehind = ({ head }: WatchedFollower): boolean => head !== this.producer.head;
    while (this.followers.some(isBehind)) {
      if (performance.now() > end) {
        const behind = this.followers.filter(isBehind).map(({ engine, faults }) => ({
          phase: engine.state.phase,
          head: engine.state.checkpoint?.head?.height,
          faults,
        }));
        throw new Error(`followers are not at the head: ${JSON.stringify(behind)}`);
      }
      await sleep(10);
    }
  }

  /** Restarts each instance: it is stopped while it is in service, and is in service again when it is ready. */
  async rollingRestart(between: () => Promise<void>): Promise<void> {
    for (const [index, databasePort] of this.#options.databasePorts.entries()) {
      const old = this.#instances[index];
      await old?.stop();
      if (old !== undefined) this.balancer.remove(old.port);
      await between();
      const instance = await this.#options.start(databasePort);
      this.#instances[index] = instance;
      this.balancer.add(instance.port);
      await between();
    }
  }

  /** What a follower must not have seen. */
  faults(): readonly string[] {
    return this.followers.flatMap(({ faults }, index) =>
      faults.map((fault) => `follower ${index}: ${fault}`),
    );
  }

  /** Milliseconds from durable to an event at a follower, in ascending order. */
  latencies(): readonly number[] {
    const times = this.followers.flatMap(({ arrivals }) =>
      [...arrivals].flatMap(([hash, at]) => {
        const from = this.producer.durable.get(hash);
        return from === undefined ? [] : [at - from];
      }),
    );
    return times.sort((a, b) => a - b);
  }

  async close(): Promise<void> {
    await Promise.all(this.followers.map(({ engine }) => engine.close()));
    await Promise.all(this.#instances.map((instance) => instance.stop()));
    await this.balancer.close();
  }
}

import { base64UrlText } from '#platform/bytes';

/** The name of this client's stream at one peer. */
export class StreamName {
  /** 128 random bits in base64url: nobody else can end the stream by guessing. It must get into no log and no error. */
  readonly value = base64UrlText(crypto.getRandomValues(new Uint8Array(16)));
  #hasArrived = false;
  #unknown = 0;

  /** Whether renewals don't get to the server that has the stream: it goes on without a name, until it has had its time. */
  get isUseless(): boolean {
    return !this.#hasArrived && this.#unknown >= MAX_UNKNOWN;
  }

  /** The server has renewed it. */
  arrived(): void {
    this.#hasArrived = true;
  }

  /** Whoever has answered does not know it. */
  unknown(): void {
    this.#unknown += 1;
  }
}

/** So often an answer may come from another server than that of the stream, as long as none has come from that one. */
const MAX_UNKNOWN = 2;

/** The names that this client gives its streams: one for each peer, for as long as the client lives. */
export class StreamNames {
  readonly #byPeer = new Map<string, StreamName>();

  /** @param peer - its URL. */
  of(peer: string): StreamName {
    const known = this.#byPeer.get(peer);
    if (known !== undefined) return known;
    const name = new StreamName();
    this.#byPeer.set(peer, name);
    return name;
  }
}

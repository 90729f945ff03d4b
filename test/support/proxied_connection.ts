import type { Socket } from 'node:net';
import { messageReader } from './message_reader.ts';

/** What the connections of a proxy have in common. */
export type Network = {
  /** Milliseconds by which what goes to the server, and what comes from it, is late. */
  delay: number;
  answerDelay: number;
  /** Called for every message of a client; what it returns becomes of the message. */
  onMessage(message: string): Fate;
};

/** 'lost': the connection breaks before the message is passed on; a number: it breaks after so many bytes of the answer. */
export type Fate = 'passed' | 'lost' | number;

/** A client's connection and the one to the server that belongs to it. */
export class ProxiedConnection {
  readonly #client: Socket;
  readonly #upstream: Socket;
  readonly #network: Network;
  readonly #toServer: Lane;
  readonly #toClient: Lane;
  #bytesLeft = Number.POSITIVE_INFINITY;

  constructor(client: Socket, upstream: Socket, network: Network) {
    this.#client = client;
    this.#upstream = upstream;
    this.#network = network;
    this.#toServer = new Lane(upstream);
    this.#toClient = new Lane(client);
    this.#passRequests();
    this.#passAnswers();
    for (const socket of [client, upstream]) socket.setNoDelay(true).on('error', () => {});
  }

  get isOpen(): boolean {
    return !this.#client.destroyed;
  }

  #passRequests(): void {
    const network = this.#network;
    let isLost = false;
    const read = messageReader((message) => {
      const fate = network.onMessage(message);
      if (fate === 'lost') isLost = true;
      else if (fate !== 'passed') this.#bytesLeft = fate;
    });
    this.#client.on('data', (chunk) => {
      read(chunk);
      if (isLost) this.cut();
      else this.#toServer.write(chunk, network.delay);
    });
    this.#client.on('end', () => this.#toServer.end(network.delay));
    this.#client.on('close', () => this.#toServer.destroy(network.delay));
  }

  #passAnswers(): void {
    const network = this.#network;
    this.#upstream.on('data', (chunk) => {
      const passed = chunk.subarray(0, this.#bytesLeft);
      this.#bytesLeft -= passed.length;
      this.#toClient.write(passed, network.answerDelay);
      if (passed.length < chunk.length) this.cut();
    });
    this.#upstream.on('end', () => this.#toClient.end(network.answerDelay));
    this.#upstream.on('close', () => this.#toClient.destroy(network.answerDelay));
  }

  /** From now on both sides hear nothing, not even the end of the other, and are not told. */
  freeze(): void {
    this.#toServer.hold();
    this.#toClient.hold();
  }

  /** Both sides hear what they have missed. */
  thaw(): void {
    this.#toServer.resume();
    this.#toClient.resume();
  }

  /** The server goes on with what it has heard, and learns of the end when it has done that. */
  cut(): void {
    this.#toClient.clear();
    this.#client.destroy();
    this.#toServer.clear();
    this.#upstream.end();
  }

  reset(): void {
    for (const socket of [this.#client, this.#upstream]) {
      // Node never closes a socket that is to be reset while it is being shut down.
      if (socket.writableEnded) socket.destroy();
      else socket.resetAndDestroy();
    }
  }

  destroy(): void {
    this.#client.destroy();
    this.#upstream.destroy();
  }
}

/** One direction of a connection: what is sent into it comes out in the same order, late, and not while it is held. */
class Lane {
  readonly #to: Socket;
  #waiting: { due: number; act: () => void }[] = [];
  #timer: NodeJS.Timeout | undefined;
  #isHeld = false;

  constructor(to: Socket) {
    this.#to = to;
  }

  write(chunk: Buffer, delay: number): void {
    this.#send(() => this.#to.write(chunk), delay);
  }

  end(delay: number): void {
    this.#send(() => this.#to.end(), delay);
  }

  destroy(delay: number): void {
    this.#send(() => this.#to.destroy(), delay);
  }

  hold(): void {
    this.#isHeld = true;
  }

  resume(): void {
    this.#isHeld = false;
    this.#pump();
  }

  clear(): void {
    this.#waiting = [];
  }

  #send(act: () => void, delay: number): void {
    this.#waiting.push({ due: performance.now() + delay, act });
    this.#pump();
  }

  #pump(): void {
    clearTimeout(this.#timer);
    for (let next = this.#waiting[0]; next && !this.#isHeld; next = this.#waiting[0]) {
      const wait = next.due - performance.now();
      if (wait > 0) {
        this.#timer = setTimeout(() => this.#pump(), wait);
        return;
      }
      this.#waiting.shift();
      next.act();
    }
  }
}

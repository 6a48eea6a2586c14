interface Dot {
  readonly from: string;
  readonly to: string;
  readonly colour: string;
  readonly startedMs: number;
}

type WhereIs = (agentId: string) => { readonly x: number; readonly y: number } | undefined;

const RUN_MS = 900;
/** Dots that are started in a second; what is more shows in the width of the edges. */
const MAX_PER_SECOND = 200;
const RADIUS = 3;

/** Dots that run along an edge, one for each message that has really gone along it. */
export class Dots {
  readonly #canvas = document.createElement('canvas');
  readonly #whereIs: WhereIs;
  readonly #dots: Dot[] = [];
  readonly #resizes: ResizeObserver;
  #second = 0;
  #startedInSecond = 0;
  #frame: number | undefined;

  constructor(container: HTMLElement, whereIs: WhereIs) {
    this.#whereIs = whereIs;
    this.#canvas.className = 'dots';
    this.#canvas.setAttribute('aria-hidden', 'true');
    container.append(this.#canvas);
    this.#resizes = new ResizeObserver(() => this.#resize(container));
    this.#resizes.observe(container);
    this.#resize(container);
  }

  run(from: string, to: string, colour: string): void {
    const startedMs = performance.now();
    const second = Math.floor(startedMs / 1_000);
    if (second !== this.#second) this.#startedInSecond = 0;
    this.#second = second;
    if (++this.#startedInSecond > MAX_PER_SECOND) return;
    this.#dots.push({ from, to, colour, startedMs });
    this.#frame ??= requestAnimationFrame((nowMs) => this.#draw(nowMs));
  }

  close(): void {
    if (this.#frame !== undefined) cancelAnimationFrame(this.#frame);
    this.#resizes.disconnect();
    this.#canvas.remove();
  }

  #resize({ clientWidth, clientHeight }: HTMLElement): void {
    this.#canvas.width = clientWidth * devicePixelRatio;
    this.#canvas.height = clientHeight * devicePixelRatio;
  }

  #draw(nowMs: number): void {
    const context = this.#canvas.getContext('2d');
    if (!context) return;
    context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    context.clearRect(0, 0, this.#canvas.width, this.#canvas.height);
    while (this.#dots[0] && nowMs - this.#dots[0].startedMs > RUN_MS) this.#dots.shift();
    for (const { from, to, colour, startedMs } of this.#dots) {
      const [a, b] = [this.#whereIs(from), this.#whereIs(to)];
      if (!a || !b) continue;
      const share = Math.max(0, (nowMs - startedMs) / RUN_MS);
      context.fillStyle = colour;
      context.beginPath();
      context.arc(a.x + (b.x - a.x) * share, a.y + (b.y - a.y) * share, RADIUS, 0, 2 * Math.PI);
      context.fill();
    }
    this.#frame = this.#dots.length > 0 ? requestAnimationFrame((next) => this.#draw(next)) : undefined;
  }
}

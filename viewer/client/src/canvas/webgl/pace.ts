/** Learns how long the GPU takes for a frame, without waiting for it. */

/** A frame of a moving view may take so long (ms); where it takes longer, it is thinned. */
const SLOW = 45;
const LOOK = 8;
const PATIENCE = 5000;

export class Pace {
  /** Whether the last frame measured was too slow to move with. */
  slow = false;
  #measuring = false;

  /** Measure what was just drawn, unless a measurement runs. */
  measure(gl: WebGL2RenderingContext): void {
    const fence = this.#measuring ? null : gl.fenceSync(gl.SYNC_GPU_COMMANDS_COMPLETE, 0);
    if (!fence) return;
    this.#measuring = true;
    gl.flush();
    const begin = performance.now();
    const look = () => {
      const taken = performance.now() - begin;
      if (gl.getSyncParameter(fence, gl.SYNC_STATUS) === gl.UNSIGNALED && taken < PATIENCE) {
        setTimeout(look, LOOK);
        return;
      }
      gl.deleteSync(fence);
      this.#measuring = false;
      this.slow = taken > SLOW;
    };
    setTimeout(look, LOOK);
  }
}

import { NodeProgram } from 'sigma/rendering';
import type { NodeDisplayData, RenderParams } from 'sigma/types';
import { floatColor } from 'sigma/utils';

/** What a node is drawn with, beside place, size and colour. */
export interface ShapeData {
  /** One of `STATE_SIGNS`. */
  readonly shape: number;
  /** A ring around it: an alert is open. */
  readonly ring: boolean;
  /** A dashed outline: seen in part only. */
  readonly dashed: boolean;
}

const VERTEX_SHADER = /* glsl */ `
attribute vec4 a_id;
attribute vec4 a_color;
attribute vec2 a_position;
attribute float a_size;
attribute vec3 a_look;
attribute vec2 a_corner;
uniform mat3 u_matrix;
uniform float u_sizeRatio;
uniform float u_correctionRatio;
varying vec4 v_color;
varying vec2 v_point;
varying vec3 v_look;
varying float v_pixel;
const float bias = 255.0 / 254.0;

void main() {
  float radius = a_size * u_correctionRatio / u_sizeRatio * 2.0;
  // The square has room for the ring.
  v_point = a_corner * 1.8;
  gl_Position = vec4((u_matrix * vec3(a_position + v_point * radius, 1.0)).xy, 0.0, 1.0);
  v_pixel = u_correctionRatio / radius;
  v_look = a_look;
  #ifdef PICKING_MODE
  v_color = a_id;
  #else
  v_color = a_color;
  #endif
  v_color.a *= bias;
}
`;

// Distances from the outline, negative inside; all shapes fit the circle of radius 1.
const FRAGMENT_SHADER = /* glsl */ `
precision highp float;
varying vec4 v_color;
varying vec2 v_point;
varying vec3 v_look;
varying float v_pixel;
const vec4 transparent = vec4(0.0, 0.0, 0.0, 0.0);

float distanceOf(vec2 p, float shape) {
  vec2 a = abs(p);
  if (shape < 0.5) return abs(length(p) - 0.72) - 0.24;
  if (shape < 1.5) return (a.x + a.y - 1.0) * 0.7071;
  if (shape < 2.5) return length(p) - 0.92;
  if (shape < 3.5) return max(-p.x - 0.62, dot(vec2(p.x - 0.95, a.y), vec2(0.5, 0.866)));
  if (shape < 4.5) return max(a.x, a.y) - 0.8;
  if (shape < 5.5) return max(max(a.x, a.y) - 0.9, (a.x + a.y - 1.26) * 0.7071);
  return max(p.y - 0.62, dot(vec2(a.x, -p.y - 0.95), vec2(0.866, 0.5)));
}

void main() {
  float fill = distanceOf(v_point, v_look.x);
  float distance = fill;
  float radius = length(v_point);
  if (v_look.y > 0.5) distance = min(distance, abs(radius - 1.45) - 0.13);
  if (v_look.z > 0.5) {
    float part = fract(atan(v_point.y, v_point.x) / 6.2831853 * 10.0);
    float dash = max(abs(radius - 1.18) - 0.08, abs(part - 0.5) - 0.3);
    // Hollow, so that it is told from those seen in full.
    distance = min(max(fill, -(fill + 0.3)), dash);
  }
  #ifdef PICKING_MODE
  gl_FragColor = radius > 1.1 ? transparent : v_color;
  #else
  float opacity = 1.0 - smoothstep(-v_pixel, v_pixel, distance);
  gl_FragColor = mix(transparent, v_color, opacity);
  #endif
}
`;

const UNIFORMS = ['u_sizeRatio', 'u_correctionRatio', 'u_matrix'] as const;
const { UNSIGNED_BYTE, FLOAT, TRIANGLES } = WebGLRenderingContext;

/** Draws each agent by its state: one square of two triangles, and the shape in the fragment shader. */
export class ShapeProgram extends NodeProgram<(typeof UNIFORMS)[number]> {
  override getDefinition() {
    return {
      VERTICES: 6,
      VERTEX_SHADER_SOURCE: VERTEX_SHADER,
      FRAGMENT_SHADER_SOURCE: FRAGMENT_SHADER,
      METHOD: TRIANGLES as 4,
      UNIFORMS,
      ATTRIBUTES: [
        { name: 'a_position', size: 2, type: FLOAT },
        { name: 'a_size', size: 1, type: FLOAT },
        { name: 'a_color', size: 4, type: UNSIGNED_BYTE, normalized: true },
        { name: 'a_id', size: 4, type: UNSIGNED_BYTE, normalized: true },
        { name: 'a_look', size: 3, type: FLOAT },
      ],
      CONSTANT_ATTRIBUTES: [{ name: 'a_corner', size: 2, type: FLOAT }],
      CONSTANT_DATA: [
        [-1, -1],
        [1, -1],
        [1, 1],
        [-1, -1],
        [1, 1],
        [-1, 1],
      ],
    };
  }

  override processVisibleItem(nodeIndex: number, startIndex: number, data: NodeDisplayData & Partial<ShapeData>): void {
    const { array } = this;
    let at = startIndex;
    array[at++] = data.x;
    array[at++] = data.y;
    array[at++] = data.size;
    array[at++] = floatColor(data.color);
    array[at++] = nodeIndex;
    array[at++] = data.shape ?? 0;
    array[at++] = data.ring ? 1 : 0;
    array[at++] = data.dashed ? 1 : 0;
  }

  override setUniforms(
    { sizeRatio, correctionRatio, matrix }: RenderParams,
    {
      gl,
      uniformLocations,
    }: {
      readonly gl: WebGLRenderingContext | WebGL2RenderingContext;
      readonly uniformLocations: Record<(typeof UNIFORMS)[number], WebGLUniformLocation>;
    },
  ): void {
    gl.uniform1f(uniformLocations.u_correctionRatio, correctionRatio);
    gl.uniform1f(uniformLocations.u_sizeRatio, sizeRatio);
    gl.uniformMatrix3fv(uniformLocations.u_matrix, false, matrix);
  }
}

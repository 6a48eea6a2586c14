import type { Colours } from './colours.ts';

interface LabelData {
  readonly x: number;
  readonly y: number;
  readonly size: number;
  readonly color: string;
  readonly label?: string | null;
  readonly letter?: string;
}

interface LabelSettings {
  readonly labelFont: string;
  readonly labelSize: number;
}

type Draw = (context: CanvasRenderingContext2D, data: LabelData, settings: LabelSettings) => void;

const MAX_NAME = 24;
const LETTER_FROM_SIZE = 9;
const LETTER_SHARE = 0.85;

/** The letter of the state inside the shape, and the name beside it. */
export function drawLetterAndName(colours: () => Colours): Draw {
  return (context, { x, y, size, label, letter }, { labelFont, labelSize }) => {
    const { ink, ground } = colours();
    context.textBaseline = 'middle';
    if (letter && size >= LETTER_FROM_SIZE) {
      context.font = `700 ${Math.round(size * LETTER_SHARE)}px ${labelFont}`;
      context.textAlign = 'center';
      context.fillStyle = ground;
      context.fillText(letter, x, y + 0.5);
    }
    if (!label) return;
    context.font = `${labelSize}px ${labelFont}`;
    context.textAlign = 'left';
    context.lineWidth = 3;
    context.strokeStyle = ground;
    const name = shortened(label);
    context.strokeText(name, x + size + 5, y);
    context.fillStyle = ink;
    context.fillText(name, x + size + 5, y);
  };
}

/** The whole name, on a plate, over everything else. */
export function drawHovered(colours: () => Colours): Draw {
  return (context, { x, y, size, color, label, letter }, { labelFont, labelSize }) => {
    const { ink, ground } = colours();
    const name = label ?? '';
    context.font = `600 ${labelSize}px ${labelFont}`;
    const width = context.measureText(name).width;
    context.fillStyle = ground;
    context.strokeStyle = color;
    context.lineWidth = 1.5;
    context.beginPath();
    context.roundRect(x + size + 2, y - labelSize, width + 12, labelSize * 2, 6);
    context.fill();
    context.stroke();
    context.fillStyle = ink;
    context.textAlign = 'left';
    context.textBaseline = 'middle';
    context.fillText(name, x + size + 8, y);
    if (!letter || size < LETTER_FROM_SIZE) return;
    context.font = `700 ${Math.round(size * LETTER_SHARE)}px ${labelFont}`;
    context.textAlign = 'center';
    context.fillStyle = ground;
    context.fillText(letter, x, y + 0.5);
  };
}

const shortened = (name: string) => {
  const characters = [...name];
  return characters.length > MAX_NAME ? `${characters.slice(0, MAX_NAME - 1).join('')}…` : name;
};

// The accent colour that a page may choose, made readable: as a ground under white or black letters, and as letters on the panel.

type RGB = [number, number, number];

/** parse reads #rgb and #rrggbb; other notations are not taken. */
export function parse(color: string): RGB | undefined {
  const short = /^#([0-9a-f])([0-9a-f])([0-9a-f])$/i.exec(color.trim());
  const long = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(color.trim());
  const hex = short ? short.slice(1).map((d) => d + d) : long?.slice(1);
  if (!hex) return undefined;
  const [r = 0, g = 0, b = 0] = hex.map((h) => parseInt(h, 16));
  return [r, g, b];
}

function luminance(color: RGB): number {
  const [r = 0, g = 0, b = 0] = color.map((v) => (v / 255 <= 0.03928 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

export function contrast(a: RGB, b: RGB): number {
  const [x, y] = [luminance(a), luminance(b)];
  return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
}

const white: RGB = [255, 255, 255];
const black: RGB = [0, 0, 0];

function css(c: RGB): string {
  return `rgb(${c.join(" ")})`;
}

function towards(color: RGB, to: RGB, ground: RGB): RGB {
  let c = color;
  for (let i = 0; i < 20 && contrast(c, ground) < 4.5; i++) c = c.map((v, n) => Math.round(v + ((to[n] ?? 0) - v) * 0.1)) as RGB;
  return c;
}

/** accents are the custom properties that follow from an accent colour. As letters it must be readable on the ground of what an agent says. */
export function accents(color: RGB): Record<string, string> {
  const on = contrast(color, white) >= 4.5 ? white : contrast(color, black) >= 4.5 ? black : white;
  const ground = on === white ? towards(color, black, white) : color;
  return {
    "--accent": css(ground),
    "--on-accent": css(on),
    "--accent-text-light": css(towards(color, black, [240, 243, 243])),
    "--accent-text-dark": css(towards(color, white, [38, 46, 49])),
  };
}

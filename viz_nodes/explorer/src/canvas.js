// Shapes on a canvas.

export function paintShapes(context, shapes) {
  for (const shape of shapes) {
    context.globalAlpha = shape.alpha;
    context.beginPath();
    if (shape.type === "veil") {
      context.rect(...shape.outer);
      for (const hole of shape.holes) context.rect(...hole);
      context.fillStyle = shape.fill;
      context.fill("evenodd");
      continue;
    }
    if (shape.type === "rect") context.rect(shape.x, shape.y, shape.w, shape.h);
    else if (shape.type === "circle") context.arc(shape.x, shape.y, shape.r, 0, 2 * Math.PI);
    else {
      for (const [x, y] of shape.points) context.lineTo(x, y);
      context.closePath();
    }
    if (shape.fill) {
      context.fillStyle = shape.fill;
      context.fill();
    }
    if (shape.stroke) {
      context.strokeStyle = shape.stroke;
      context.lineWidth = shape.width;
      context.stroke();
    }
  }
  context.globalAlpha = 1;
}

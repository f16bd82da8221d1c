"""What several rooms' tests are built from: small networks, explanations made of numbers, the browser."""

/* Never returns. */
float endless(float a, float b)
{
    for (volatile int i = 0;; i++) a += b;
}

using System;
using System.Text;

namespace Ringcast.Realtime.Wire
{
	/// <summary>Text of the server's: taken as it is, or not at all.</summary>
	internal static class Utf8
	{
		private static readonly UTF8Encoding strict = new UTF8Encoding(false, true);

		public static bool TryDecode(byte[] bytes, int start, int count, out string text)
		{
			try {
				text = strict.GetString(bytes, start, count);
				return true;
			} catch (ArgumentException) {
				text = "";
				return false;
			}
		}
	}
}

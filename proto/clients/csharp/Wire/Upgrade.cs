using System;
using System.Security.Cryptography;
using System.Text;

namespace Ringcast.Realtime.Wire
{
	internal enum UpgradeResult
	{
		Granted,
		NeedMore,
		Refused
	}

	/// <summary>The HTTP at the beginning of a WebSocket: our request, and whether the answer grants it.</summary>
	internal static class Upgrade
	{
		private const string Guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

		public static byte[] Request(string host, int port, string key)
		{
			string name = host.IndexOf(':') >= 0 ? "[" + host + "]" : host;
			return Encoding.ASCII.GetBytes("GET /websocket HTTP/1.1\r\nHost: " + name + ":" + port +
						       "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + key + "\r\n\r\n");
		}

		public static string AcceptOf(string key)
		{
			using (SHA1Managed sha1 = new SHA1Managed())
				return Convert.ToBase64String(sha1.ComputeHash(Encoding.ASCII.GetBytes(key + Guid)));
		}

		/// <summary>status is the HTTP status as far as it was read, else 0.</summary>
		public static UpgradeResult TryRead(byte[] bytes, int start, int count, string key, out int taken, out int status)
		{
			taken = status = 0;
			int headBytes = FindEnd(bytes, start, count);
			if (headBytes == 0)
				return count >= Limits.ResponseHeadBytes ? UpgradeResult.Refused : UpgradeResult.NeedMore;
			string[] lines = Encoding.ASCII.GetString(bytes, start, headBytes - 4).Split(new[] {"\r\n"}, StringSplitOptions.None);
			if (!TryStatus(lines[0], out status) || status != 101 || !Grants(lines, AcceptOf(key)))
				return UpgradeResult.Refused;
			taken = headBytes;
			return UpgradeResult.Granted;
		}

		private static int FindEnd(byte[] bytes, int start, int count)
		{
			int most = Math.Min(count, Limits.ResponseHeadBytes);
			for (int i = 3; i < most; i++) {
				if (bytes[start + i] == '\n' && bytes[start + i - 1] == '\r' && bytes[start + i - 2] == '\n' && bytes[start + i - 3] == '\r')
					return i + 1;
			}
			return 0;
		}

		private static bool TryStatus(string line, out int status)
		{
			status = 0;
			if (line.Length < 12 || !line.StartsWith("HTTP/1.1 ", StringComparison.Ordinal) || (line.Length > 12 && line[12] != ' '))
				return false;
			for (int i = 9; i < 12; i++) {
				if (line[i] < '0' || line[i] > '9')
					return false;
				status = 10 * status + (line[i] - '0');
			}
			return true;
		}

		private static bool Grants(string[] lines, string accept)
		{
			bool isUpgrade = false, isConnection = false;
			int acceptCount = 0;
			for (int i = 1; i < lines.Length; i++) {
				int colon = lines[i].IndexOf(':');
				if (colon <= 0)
					return false;
				string name = lines[i].Substring(0, colon).ToLowerInvariant(), value = lines[i].Substring(colon + 1).Trim(' ', '\t');
				if (name == "sec-websocket-extensions" || name == "sec-websocket-protocol")
					return false; /* we asked for none */
				if (name == "sec-websocket-accept" && (value != accept || acceptCount++ > 0))
					return false;
				isUpgrade |= name == "upgrade" && HasWord(value, "websocket");
				isConnection |= name == "connection" && HasWord(value, "upgrade");
			}
			return isUpgrade && isConnection && acceptCount == 1;
		}

		private static bool HasWord(string list, string word)
		{
			foreach (string item in list.Split(',')) {
				if (string.Equals(item.Trim(' ', '\t'), word, StringComparison.OrdinalIgnoreCase))
					return true;
			}
			return false;
		}
	}
}

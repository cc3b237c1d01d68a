using System;
using System.Text;
using Ringcast.Realtime.Wire;

namespace Ringcast.Realtime.Tests
{
	internal static class UpgradeTest
	{
		private const string Key = "dGhlIHNhbXBsZSBub25jZQ==", Accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
		private const string Good = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + Accept + "\r\n\r\n";

		public static void Add()
		{
			Runner.Add("upgrade/the key's answer is RFC 6455's", AcceptIsKnown);
			Runner.Add("upgrade/request", Request);
			Runner.Add("upgrade/a grant, whole and byte by byte", Granted);
			Runner.Add("upgrade/anything else is refused", Refused);
			Runner.Add("upgrade/a head without end is refused at its bound", Endless);
		}

		private static UpgradeResult Read(string text, out int taken, out int status)
		{
			byte[] bytes = Encoding.ASCII.GetBytes(text);
			return Upgrade.TryRead(bytes, 0, bytes.Length, Key, out taken, out status);
		}

		private static void AcceptIsKnown()
		{
			Check.Same(Accept, Upgrade.AcceptOf(Key), "accept");
		}

		private static void Request()
		{
			string text = Encoding.ASCII.GetString(Upgrade.Request("::1", 80, Key));
			Check.That(text.StartsWith("GET /websocket HTTP/1.1\r\nHost: [::1]:80\r\n", StringComparison.Ordinal), text);
			Check.That(text.EndsWith("\r\n\r\n", StringComparison.Ordinal) && text.Contains("Sec-WebSocket-Key: " + Key), text);
			string key = new MaskSource().TakeKey();
			Check.Same(16, Convert.FromBase64String(key).Length, "bytes of a key");
		}

		private static void Granted()
		{
			int taken, status;
			Check.That(Read(Good + "rest", out taken, out status) == UpgradeResult.Granted, "granted");
			Check.Same(Good.Length, taken, "taken");
			Check.That(Read(Good.Replace("Upgrade: websocket", "uPGRADE:WebSocket\t").Replace(": Upgrade", ": keep-alive, upgrade"), out taken, out status) ==
				   UpgradeResult.Granted, "case and lists");
			for (int i = 0; i < Good.Length; i++)
				Check.That(Read(Good.Substring(0, i), out taken, out status) == UpgradeResult.NeedMore && taken == 0, "at " + i);
		}

		private static void Refused()
		{
			int taken, status;
			foreach (string text in new[] {
				Good.Replace(" 101 ", " 200 "), Good.Replace("1.1", "1.0"), Good.Replace(Accept, "x" + Accept), Good.Replace("Upgrade: websocket\r\n", ""),
				Good.Replace("Connection: Upgrade\r\n", ""), Good.Replace("Sec-WebSocket-Accept: " + Accept + "\r\n", ""), Good.Replace("HTTP", "HTTQ"),
				Good.Replace("websocket\r", "h2c\r"), Good.Replace(": Upgrade", ": close"), "\r\n\r\n", Good.Replace("Upgrade: websocket", "nothing"),
				Good.Replace("\r\n\r\n", "\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n"), Good.Replace("101", "1o1"), Good.Replace("101", "1011"),
				Good.Replace("\r\n\r\n", "\r\nSec-WebSocket-Protocol: x\r\n\r\n"), Good.Replace("\r\n\r\n", "\r\nSec-WebSocket-Accept: " + Accept + "\r\n\r\n")
			})
				Check.That(Read(text, out taken, out status) == UpgradeResult.Refused, text);
			Read("HTTP/1.1 426 Upgrade Required\r\n\r\n", out taken, out status);
			Check.Same(426, status, "status");
		}

		private static void Endless()
		{
			int taken, status;
			string head = "HTTP/1.1 101 x\r\nA: ";
			Check.That(Read(head + new string('x', Limits.ResponseHeadBytes - head.Length - 1), out taken, out status) == UpgradeResult.NeedMore, "below the bound");
			Check.That(Read(head + new string('x', Limits.ResponseHeadBytes - head.Length), out taken, out status) == UpgradeResult.Refused, "at the bound");
		}
	}
}

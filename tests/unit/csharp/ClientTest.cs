using System;
using Ringcast.Realtime.Command;
using Ringcast.Realtime.Event;
using Ringcast.Realtime.Types;

namespace Ringcast.Realtime.Tests
{
	internal static class ClientTest
	{
		public static void Add()
		{
			Runner.Add("client/a new one is ready and sends nothing", New);
			Runner.Add("client/mistakes of the caller are thrown at once", Mistakes);
			Runner.Add("client/nobody listens: an error, then one close", NobodyListens);
			Runner.Add("client/connects again from inside the close", Again);
			Runner.Add("client/disconnected before it was connected", Early);
			Runner.Add("client/connected again while closing, the end before is told first", Replaced);
			Runner.Add("client/a handler of that end may connect, and is not undone", ReplacedFromInside);
			Runner.Add("client/who left is not asked to come back", MayReconnect);
		}

		private static void New()
		{
			Client client = new Client();
			Check.That(client.Status == ConnectionStatus.READY && !client.Connected && !client.ConnectedAndReady && !client.CanSendFast(), "ready");
			Check.That(client.SendMessage(client.NewMessage(10).WithTargetPlayer(1)) == SendResult.NotConnected, "not connected");
			client.SendEvent(10);
			client.JoinGroup(1);
			client.Poll();
			client.Disconnect();
			client.Dispose();
			Check.That(client.Status == ConnectionStatus.READY && client.Session.ConnectedPeerId == 0, "still ready");
			RTMessage message = client.NewMessage(7).WithTargetGroup(4).WithPayload(new byte[4096]);
			Check.That(message.OpCode == 7 && message.TargetGroup == 4 && message.DeliveryIntent == DeliveryIntent.Fast, "message");
		}

		private static void Mistakes()
		{
			Client client = new Client();
			ConnectionToken token = new ConnectionToken("psess-1", null);
			Check.Throws<ArgumentNullException>(() => new ConnectionToken(null, null), "no player session id");
			Check.Throws<ArgumentException>(() => new ConnectionToken(new string('x', 8193), null), "too long");
			Check.Throws<ArgumentException>(() => new ConnectionToken("x", new byte[4097]), "too large");
			Check.Throws<ArgumentException>(() => client.NewMessage(1).WithPayload(new byte[4097]), "too large");
			Check.Throws<ArgumentNullException>(() => client.Connect("localhost", 1, 0, null), "no token");
			Check.Throws<ArgumentOutOfRangeException>(() => client.Connect("localhost", 0, 0, token), "no port");
			Check.Throws<ArgumentOutOfRangeException>(() => client.Connect("localhost", 65536, 0, token), "no such port");
			Check.Throws<ArgumentOutOfRangeException>(() => client.Connect("localhost", 1, -1, token), "no such local port");
			Check.Throws<ArgumentException>(() => client.Connect("a b", 1, 0, token), "no host");
			Check.Throws<ArgumentNullException>(() => client.SendMessage(null), "no message");
			Check.Throws<ArgumentNullException>(() => new Client(null), "no configuration");
			Check.Throws<ArgumentOutOfRangeException>(() => new Client(new ClientConfiguration {SendQueueBytesMax = 1}).Connect("localhost", 1, 0, token), "queue");
			Check.That(client.Status == ConnectionStatus.READY, "nothing has begun");
		}

		private static void NobodyListens()
		{
			Client client = new Client();
			string story = "";
			client.ConnectionError += (sender, e) => story += "error " + client.Status + " ";
			client.ConnectionClose += (sender, e) => story += "close " + client.CloseCode + " ";
			client.Connect("127.0.0.1", 1, 0, new ConnectionToken("psess-1", null));
			while (client.Status == ConnectionStatus.CONNECTING)
				client.Poll();
			for (int i = 0; i < 100; i++)
				client.Poll();
			Check.Same("error DISCONNECTED close 1006 ", story, "told");
			Check.That(client.Connect("127.0.0.1", 1, 0, new ConnectionToken("psess-2", null)) == ConnectionStatus.CONNECTING, "it may be tried again");
			client.Dispose();
		}

		private static void Again()
		{
			Client client = new Client();
			int closes = 0;
			client.ConnectionError += (sender, e) => {
				throw new InvalidOperationException("of the game");
			};
			client.ConnectionClose += (sender, e) => {
				if (++closes < 3)
					client.Connect("127.0.0.1", 1, 0, new ConnectionToken("psess-1", null));
			};
			client.Connect("127.0.0.1", 1, 0, new ConnectionToken("psess-1", null));
			int thrown = 0;
			while (closes < 3) {
				try {
					client.Poll();
				} catch (InvalidOperationException) {
					thrown++;
				}
			}
			client.Poll();
			Check.Same(3, closes, "each has its close");
			Check.Same(3, thrown, "and what the game throws comes out");
		}

		private static void Early()
		{
			Client client = new Client();
			int closes = 0, errors = 0;
			client.ConnectionClose += (sender, e) => closes++;
			client.ConnectionError += (sender, e) => errors++;
			client.Connect("127.0.0.1", 1, 0, new ConnectionToken("psess-1", null));
			client.Disconnect();
			for (int i = 0; i < 10; i++)
				client.Poll();
			Check.Same(1, closes, "closes");
			Check.Same(0, errors, "errors");
			Check.That(client.Status == ConnectionStatus.DISCONNECTED_CLIENT_CALL, "status");
		}

		private static void Replaced()
		{
			Client client = new Client();
			string story = "";
			client.ConnectionError += (sender, e) => story += "error ";
			client.ConnectionClose += (sender, e) => story += "close " + client.Status + " ";
			client.Connect("127.0.0.1", 1, 0, new ConnectionToken("psess-1", null));
			client.Disconnect();
			Check.That(client.Connect("127.0.0.1", 1, 0, new ConnectionToken("psess-2", null)) == ConnectionStatus.CONNECTING, "connecting");
			Check.Same("close DISCONNECTED_CLIENT_CALL ", story, "told at once");
			Check.Same(0, client.CloseCode, "nothing of it is left");
			while (client.Status == ConnectionStatus.CONNECTING)
				client.Poll();
			client.Poll();
			Check.Same("close DISCONNECTED_CLIENT_CALL error close DISCONNECTED ", story, "each has its end");
			client.Connect("127.0.0.1", 1, 0, new ConnectionToken("psess-3", null));
			Check.Same("close DISCONNECTED_CLIENT_CALL error close DISCONNECTED ", story, "and one only");
			client.Dispose();
		}

		private static void ReplacedFromInside()
		{
			Client client = new Client();
			int closes = 0;
			client.ConnectionClose += (sender, e) => {
				closes++;
				client.Connect("127.0.0.1", 2, 0, new ConnectionToken("psess-2", null));
			};
			client.Connect("127.0.0.1", 1, 0, new ConnectionToken("psess-1", null));
			client.Disconnect();
			client.Connect("127.0.0.1", 3, 0, new ConnectionToken("psess-3", null));
			Check.Same(1, closes, "closes");
			Check.That(client.Status == ConnectionStatus.CONNECTING, "connecting");
			Check.Same(2, client.Session.Port, "the first one counts");
			client.Dispose();
		}

		private static void MayReconnect()
		{
			Client client = new Client();
			string story = "";
			client.ConnectionClose += (sender, e) => story += ((ConnectionCloseEventArgs)e).Code + " " + ((ConnectionCloseEventArgs)e).MayReconnect + " ";
			client.Connect("127.0.0.1", 1, 0, new ConnectionToken("psess-1", null));
			client.Disconnect();
			client.Poll();
			client.Connect("127.0.0.1", 1, 0, new ConnectionToken("psess-1", null));
			while (client.Status == ConnectionStatus.CONNECTING)
				client.Poll();
			client.Poll();
			Check.Same("1006 False 1006 True ", story, "told");
			foreach (int code in new[] {3000, 3499, 1006})
				Check.That(new ConnectionCloseEventArgs(code, "").MayReconnect, "may: " + code);
			foreach (int code in new[] {1000, 1005, 2999, 3500})
				Check.That(!new ConnectionCloseEventArgs(code, "").MayReconnect, "may not: " + code);
		}
	}
}
